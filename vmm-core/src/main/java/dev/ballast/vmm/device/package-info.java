/**
 * The platform devices: serial port, keyboard controller, clock, power management, panic
 * notification.
 */
@NullMarked
package dev.ballast.vmm.device;

import org.jspecify.annotations.NullMarked;
