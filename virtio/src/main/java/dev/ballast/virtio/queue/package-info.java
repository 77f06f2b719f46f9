/**
 * Virtqueues: how a driver hands buffers to a device and gets them back (virtio v1.3 §2.7).
 *
 * <pre>
 *   driver writes                     guest RAM                        device writes
 *  ───────────────►  descriptor table: address, length, flags, next
 *                    ┌────┬────┬────┬────┬────┬────┬────┬────┐
 *                    │ 0  │ 1 ─┼─► 2│ 3  │ 4  │ 5  │ 6  │ 7  │       a chain: 1, 2
 *                    └────┴────┴────┴────┴────┴────┴────┴────┘
 *  ───────────────►  available ring: flags, index, heads, used_event
 *                    ┌────┬────┬────┬──
 *                    │ 1  │ 3  │ 4  │ …      next() takes up to index
 *                    └────┴────┴────┴──
 *                    used ring: flags, index, (head, written), avail_event  ◄───────────────
 *                    ┌──────┬──────┬──
 *                    │ 1, 0 │ 3, 0 │ …       complete() writes, publish() moves index
 *                    └──────┴──────┴──
 * </pre>
 *
 * {@link dev.ballast.virtio.queue.QueueState} is what migrates; {@link
 * dev.ballast.virtio.queue.SplitVirtqueue} is created from one when the driver sets DRIVER_OK, or
 * when a state is loaded, and returns one when the machine is saved.
 *
 * <p>All of this memory belongs to the guest, which may write anything into it at any time. So
 * every field is read once into a local, and the local is checked; a broken rule is a {@link
 * dev.ballast.virtio.queue.VirtqueueException}, never a crash. Guest addresses end here: they are
 * checked and translated to offsets in RAM when a queue is created and when a chain is taken. A
 * device gets a {@link dev.ballast.virtio.queue.ChainReader} and a {@link
 * dev.ballast.virtio.queue.ChainWriter} over the buffers of a {@link
 * dev.ballast.virtio.queue.DescriptorChain}. Every write is marked as the VMM's, so that a
 * migration sends it.
 */
@NullMarked
package dev.ballast.virtio.queue;

import org.jspecify.annotations.NullMarked;
