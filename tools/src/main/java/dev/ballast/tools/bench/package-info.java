/** The bench: Ballast beside another VMM in one run, on one host, with one guest image. */
@NullMarked
package dev.ballast.tools.bench;

import org.jspecify.annotations.NullMarked;
