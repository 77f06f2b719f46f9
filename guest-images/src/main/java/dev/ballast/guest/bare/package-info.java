/**
 * The bare guest: a freestanding x86-64 ELF that a VMM boots by PVH and drives over a serial line,
 * and the client of that line. Its C sources are in {@code src/main/c/bare}.
 */
@NullMarked
package dev.ballast.guest.bare;

import org.jspecify.annotations.NullMarked;
