/**
 * The virtio-mmio transport (virtio v1.3 §4.2): a page of registers and one interrupt line a
 * device, which the guest learns of by its ACPI tables or its command line.
 */
@NullMarked
package dev.ballast.virtio.transport.mmio;

import org.jspecify.annotations.NullMarked;
