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

  /** The guest's kernel said that it panicked. */
  record Panicked() implements MachineEvent {}

  /**
   * A vCPU cannot go on.
   *
   * @param exit why
   */
  record Crashed(VcpuExit exit) implements MachineEvent {}

  /**
   * The machine could not be reset.
   *
   * @param reason what failed
   */
  record ResetFailed(String reason) implements MachineEvent {}
}
