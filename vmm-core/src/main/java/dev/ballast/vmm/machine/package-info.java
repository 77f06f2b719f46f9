/** The machine put together: its life cycle, run states and devices. */
@NullMarked
package dev.ballast.vmm.machine;

import org.jspecify.annotations.NullMarked;
