/** Runs the benchmarks of all modules. */
@NullMarked
package dev.ballast.tools.benchmark;

import org.jspecify.annotations.NullMarked;
