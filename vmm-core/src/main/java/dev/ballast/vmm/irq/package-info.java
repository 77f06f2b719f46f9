/** Interrupt lines from devices to the in-kernel interrupt controllers. */
@NullMarked
package dev.ballast.vmm.irq;

import org.jspecify.annotations.NullMarked;
