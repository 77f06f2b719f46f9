/**
 * Transports: how a driver finds a device's registers, and what they do.
 *
 * <pre>
 *   vCPU threads                              one thread per queue
 *        │ register accesses                        ▲ wakes
 *        ▼                                          │
 *   VirtioTransport ─ decodes ─► CommonConfiguration   EventFd ◄── KVM (ioeventfd) or the transport,
 *                               status, features,     │           on the write's exit
 *                               queue set-up          ▼
 *                                   │ start/stop  QueueWorkers ── one batch, lock held ──► VirtioDevice
 *                                   └───────────►   │                                  .process(queue)
 *                                                   └─► publish ─► InterruptStatus ─► DeviceInterrupts
 *                                                                                     line or message
 *
 *   0 ─► ACKNOWLEDGE ─► DRIVER ─► FEATURES_OK ─► (queues set up) ─► DRIVER_OK ─► the threads serve
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
