/**
 * The machine put together: how it is made, what it is made of, how it lives.
 *
 * <pre>
 *   MachineConfig ──► MachineBuilder ──► Board        VM, RAM, devices, vCPUs: does not change
 *     DeviceConfig.attach(builder)         │
 *                                          ▼
 *   vCPU threads ── PendingGuestEvent ──► Lifecycle   run, halt, reset: vCPUs, devices and clocks
 *     (reset, power off, panic, crash)     ▲ ▲        together
 *                                          │ └─────── MigrationTransitions: leave, arrive
 *   any thread ────────────────────────► Machine      one lock; listeners hear MachineEvent
 * </pre>
 *
 * Order matters in four places. vCPUs park before devices are quiesced, and clocks stop last; the
 * other way round they go on. The state of vCPUs is loaded before that of devices, which may raise
 * interrupts. Everything is closed in the opposite order to that in which it was made. What the
 * guest causes is noted on a vCPU's thread, and carried out on the machine's control thread, or by
 * whoever stops the machine first.
 */
@NullMarked
package dev.ballast.vmm.machine;

import org.jspecify.annotations.NullMarked;
