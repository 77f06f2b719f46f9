/** The demo: one Linux guest through four VMM processes, and what each migration cost. */
@NullMarked
package dev.ballast.tools.demo;

import org.jspecify.annotations.NullMarked;
