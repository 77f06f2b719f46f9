/** Kernel files, and what a guest finds in memory and registers when it starts. */
@NullMarked
package dev.ballast.vmm.boot;

import org.jspecify.annotations.NullMarked;
