/**
 * Transports: how a driver finds a device's registers, and what they do.
 *
 * <pre>
 *   vCPU threads                              worker thread, one a device
 *        │ register accesses                        ▲ wakes
 *        ▼                                          │
 *   VirtioMmio ── decodes ──► CommonConfiguration   EventFd ◄── KVM (ioeventfd on QueueNotify)
 *                             status, features,     │           or VirtioMmio on the write's exit
 *                             queue set-up          ▼
 *                                   │ start/stop  QueueWorker ── one batch, lock held ──► VirtioDevice
 *                                   └───────────►   │                                  .process(queue)
 *                                                   └─► publish ─► InterruptStatus ─► irqfd
 *
 *   0 ─► ACKNOWLEDGE ─► DRIVER ─► FEATURES_OK ─► (queues set up) ─► DRIVER_OK ─► the worker serves
 *   ▲                             only if the driver's features        │
 *   │                             ⊆ offered, with VERSION_1            │ a broken rule
 *   └── write 0: waits for the batch, device.reset() ◄── DEVICE_NEEDS_RESET ◄┘
 * </pre>
 *
 * A queue's registers are frozen once it is enabled, and all queues' once DRIVER_OK is set. What a
 * driver does against the rules is counted, logged at most once a second, and never throws.
 */
@NullMarked
package dev.ballast.virtio.transport;

import org.jspecify.annotations.NullMarked;
