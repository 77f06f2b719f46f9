/**
 * The machine as a whole: how it is made, what it is made of, and its life cycle.
 *
 * <pre>
 *   MachineConfig ──► MachineBuilder ──► Board        VM, RAM, devices, vCPUs: does not change
 *     DeviceConfig.attach(builder)         │
 *                                          ▼
 *   vCPU threads ── PendingGuestEvent ──► Lifecycle   run, halt, reset: vCPUs, devices and clocks
 *     (reset, power off, panic, crash)     ▲ ▲        together
 *                                          │ └─────── MigrationTransitions: leave, arrive
 *   any thread ────────────────────────► Machine      one lock; listeners receive MachineEvent
 * </pre>
 *
 * Order matters in four places. vCPUs park before devices are quiesced, and clocks stop last; they
 * start again in the opposite order. The state of vCPUs is loaded before that of devices, which may
 * raise interrupts. Everything is closed in the opposite order to that in which it was made. What
 * the guest causes is recorded on a vCPU's thread, and carried out on the machine's control thread,
 * or by a thread that stops the machine first.
 */
@NullMarked
package dev.ballast.vmm.machine;

import org.jspecify.annotations.NullMarked;
