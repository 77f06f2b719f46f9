package dev.ballast.tools.vm;

import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.machine.PanicAction;

/** What happened to a virtual machine. */
public sealed interface VmEvent {
  /** The guest was stopped. */
  record Stopped() implements VmEvent {}

  /** The guest runs again. */
  record Resumed() implements VmEvent {}

  /**
   * The machine was reset.
   *
   * @param byGuest whether the guest asked for it
   */
  record Reset(boolean byGuest) implements VmEvent {}

  /** The power button was pressed. */
  record PoweredDown() implements VmEvent {}

  /**
   * The machine was switched off.
   *
   * @param cause what switched it off
   */
  record ShutDown(ShutdownCause cause) implements VmEvent {}

  /**
   * The guest's kernel reported a panic.
   *
   * @param action what is done about it
   */
  record GuestPanicked(PanicAction action) implements VmEvent {}

  /** The guest's kernel panicked, and the crash kernel that it has loaded takes over. */
  record GuestCrashLoaded() implements VmEvent {}

  /**
   * The balloon changed its size.
   *
   * @param actualBytes guest RAM without what is in the balloon, in bytes
   */
  record BalloonChanged(long actualBytes) implements VmEvent {}

  /**
   * A migration entered a stage.
   *
   * @param status the stage
   */
  record MigrationChanged(MigrationStatus status) implements VmEvent {}

  /**
   * A migration began to go over the guest's memory once more.
   *
   * @param pass from 1
   */
  record MigrationPass(long pass) implements VmEvent {}
}
