package dev.ballast.vmm.device;

import dev.ballast.vmm.state.Snapshottable;

/** A device as the machine's life cycle sees it. All methods are called on control threads. */
public interface MachineDevice extends Snapshottable, AutoCloseable {
  /**
   * Stops to touch guest memory and to take requests; returns when nothing is in flight. What the
   * guest asks for meanwhile is kept. vCPUs are stopped already.
   */
  default void quiesce() {}

  /** Goes on after {@link #quiesce}, or starts after a state was loaded; handles what was kept. */
  default void resume() {}

  /** Returns to the power-on state. vCPUs are stopped and the device is quiesced. */
  default void reset() {}

  /** Returns the features that it offers to its driver, as bits; always the same. */
  default long offeredFeatures() {
    return 0;
  }

  @Override
  default void close() {}
}
