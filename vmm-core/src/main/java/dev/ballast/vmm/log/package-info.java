/** Logging of what a guest can cause. */
@NullMarked
package dev.ballast.vmm.log;

import org.jspecify.annotations.NullMarked;
