/**
 * The virtio-mmio transport (virtio v1.3 §4.2): a page of registers and one interrupt line per
 * device, which the guest finds in its ACPI tables or on its command line.
 */
@NullMarked
package dev.ballast.virtio.transport.mmio;

import org.jspecify.annotations.NullMarked;
