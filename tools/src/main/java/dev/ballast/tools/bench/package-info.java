/**
 * The bench: Ballast beside another VMM in one run, on one host, with one guest image. {@code
 * docs/bench.md} says what is measured and how to add a scenario.
 */
@NullMarked
package dev.ballast.tools.bench;

import org.jspecify.annotations.NullMarked;
