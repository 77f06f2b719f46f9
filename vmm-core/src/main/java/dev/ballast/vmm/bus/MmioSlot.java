package dev.ballast.vmm.bus;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.vmm.irq.InterruptLine;

/**
 * The place of one virtio-mmio device on the board.
 *
 * @param base the guest physical address of its registers
 * @param size of its registers in bytes
 * @param interrupt its edge-triggered interrupt line
 * @param gsi the number of that line
 * @param queueNotify counts the guest's writes to QueueNotify. KVM signals it where it has
 *     ioeventfd; else the transport does when the write arrives as an exit. Owned by the machine.
 */
public record MmioSlot(
    long base, int size, InterruptLine interrupt, int gsi, EventFd queueNotify) {}
