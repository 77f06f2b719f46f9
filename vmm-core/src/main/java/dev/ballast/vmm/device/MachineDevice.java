package dev.ballast.vmm.device;

import dev.ballast.vmm.state.Snapshottable;

/** A device as the machine's life cycle sees it. All methods are called on control threads. */
public interface MachineDevice extends Snapshottable, AutoCloseable {
  /**
   * Stops accessing guest memory and accepting requests; returns when nothing is in flight.
   * Requests that the guest has already made stay pending. Called with vCPUs stopped.
   */
  default void quiesce() {}

  /**
   * Resumes after {@link #quiesce}, or starts after a state was loaded; handles what stayed
   * pending.
   */
  default void resume() {}

  /** Returns to the power-on state. Called with vCPUs stopped and the device quiesced. */
  default void reset() {}

  /** Returns the feature bits that the device offers to its driver; they never change. */
  default long offeredFeatures() {
    return 0;
  }

  @Override
  default void close() {}
}
