package dev.ballast.vmm.machine;

import dev.ballast.vmm.vcpu.VcpuExit;

/** Something happened to the machine that its user should know. */
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
   * The guest's kernel said that it panicked. With {@link PanicAction#CONTINUE} told at most once a
   * second.
   *
   * @param action what the machine does about it; {@link PanicAction#RESET} is followed by {@link
   *     Reset}
   */
  record Panicked(PanicAction action) implements MachineEvent {}

  /**
   * The guest's kernel said that it panicked, and that a crash kernel, which it has loaded before,
   * takes over. The guest runs on. Told at most once a second.
   */
  record CrashKernelTakesOver() implements MachineEvent {}

  /**
   * A vCPU cannot go on.
   *
   * @param exit why
   * @param stays whether the machine is to be kept as it is, for its user to look at
   */
  record Crashed(VcpuExit exit, boolean stays) implements MachineEvent {}

  /**
   * The machine could not be reset.
   *
   * @param reason what failed
   */
  record ResetFailed(String reason) implements MachineEvent {}
}
