/**
 * Interrupts from devices to the in-kernel interrupt controllers: hands out GSIs, sets the routes
 * of messages, and saves the state of the PICs, the I/O APIC and the PIT.
 */
@NullMarked
package dev.ballast.vmm.irq;

import org.jspecify.annotations.NullMarked;
