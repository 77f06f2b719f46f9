package dev.ballast.vmm.machine;

import dev.ballast.vmm.vcpu.VcpuExit;

/** An event of the machine's life that its user should know of. */
public sealed interface MachineEvent {
  /**
   * The run state changed.
   *
   * @param from the state before
   * @param to the state now
   */
  record StateChanged(RunState from, RunState to) implements MachineEvent {}

  /**
   * The machine was reset.
   *
   * @param guest whether the guest asked for it
   */
  record Reset(boolean guest) implements MachineEvent {}

  /** The power button was pressed. */
  record PowerDown() implements MachineEvent {}

  /** The guest powered itself off. */
  record Shutdown() implements MachineEvent {}

  /**
   * The guest's kernel reported that it panicked. With {@link PanicAction#CONTINUE} emitted at most
   * once a second.
   *
   * @param action what the machine does about it; {@link PanicAction#RESET} is followed by {@link
   *     Reset}
   */
  record Panicked(PanicAction action) implements MachineEvent {}

  /**
   * The guest's kernel reported that it panicked, and that a crash kernel, which it has loaded
   * before, takes over. The guest runs on. Emitted at most once a second.
   */
  record CrashKernelTakesOver() implements MachineEvent {}

  /**
   * A vCPU cannot go on.
   *
   * @param exit the reason
   * @param stays whether the machine is to be kept as it is, for its user to inspect
   */
  record Crashed(VcpuExit exit, boolean stays) implements MachineEvent {}

  /**
   * A stop, a reset or the start after it failed: the machine is in {@link
   * RunState#INTERNAL_ERROR}.
   *
   * @param reason what failed
   */
  record ResetFailed(String reason) implements MachineEvent {}
}
