package dev.ballast.virtio.transport;

import static dev.ballast.virtio.transport.DeviceStatus.DEVICE_NEEDS_RESET;
import static dev.ballast.virtio.transport.DeviceStatus.DRIVER_OK;
import static dev.ballast.virtio.transport.DeviceStatus.FEATURES_OK;

import dev.ballast.virtio.queue.QueueState;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.ArrayList;
import java.util.List;

/**
 * What a driver has set up, as it is saved and loaded.
 *
 * @param status the device status
 * @param driverFeatures the features that the driver accepts
 * @param deviceFeaturesSelect which 32 of the offered features are selected
 * @param driverFeaturesSelect which 32 of the accepted features are selected
 * @param queueSelect which queue is selected
 * @param interrupts why the device interrupted
 * @param generation of the configuration space
 * @param queues by number
 */
record CommonState(
    int status,
    long driverFeatures,
    int deviceFeaturesSelect,
    int driverFeaturesSelect,
    int queueSelect,
    int interrupts,
    int generation,
    List<QueueState> queues) {
  private static final int ALL_INTERRUPTS =
      InterruptStatus.USED_BUFFER | InterruptStatus.CONFIGURATION;

  CommonState {
    queues = List.copyOf(queues);
  }

  void write(StateWriter writer) {
    writer.u32(status).u64(driverFeatures);
    writer.u32(deviceFeaturesSelect).u32(driverFeaturesSelect).u32(queueSelect);
    writer.u32(interrupts).u32(generation).u32(queues.size());
    queues.forEach(queue -> queue.write(writer));
  }

  /**
   * Reads a state, and refuses what no driver could set.
   *
   * @param queueCount how many queues the device has
   * @throws StateFormatException if the state is malformed, or no driver could set it
   */
  static CommonState read(StateReader reader, int queueCount) throws StateFormatException {
    int status = reader.u32();
    long driverFeatures = reader.u64();
    int deviceFeaturesSelect = reader.u32();
    int driverFeaturesSelect = reader.u32();
    int queueSelect = reader.u32();
    int interrupts = reader.u32("interrupt status", 0, ALL_INTERRUPTS);
    int generation = reader.u32();
    // A device may have more queues now than when the state was written: its driver knew of none.
    int count = reader.u32("queue count", 1, queueCount);
    List<QueueState> queues = new ArrayList<>();
    for (int i = 0; i < queueCount; i++) {
      queues.add(i < count ? QueueState.read(reader) : QueueState.RESET);
    }
    CommonState state =
        new CommonState(
            status,
            driverFeatures,
            deviceFeaturesSelect,
            driverFeaturesSelect,
            queueSelect,
            interrupts,
            generation,
            queues);
    state.check(reader);
    return state;
  }

  private void check(StateReader reader) throws StateFormatException {
    if (!DeviceStatus.isConsistent(status)) {
      throw reader.fail("device status 0x%x is not one".formatted(status));
    }
    for (QueueState queue : queues) {
      boolean moved = queue.nextAvailable() != 0 || queue.nextUsed() != 0;
      if (moved && !(isLive() && queue.ready())) {
        throw reader.fail("a queue that is not live has positions");
      }
      if (queue.ready() && (status & FEATURES_OK) == 0) {
        throw reader.fail("a queue is enabled before features are negotiated");
      }
    }
  }

  /** Returns whether the device serves its queues. */
  boolean isLive() {
    return (status & (DRIVER_OK | DEVICE_NEEDS_RESET)) == DRIVER_OK;
  }

  /** Returns whether driver and device had agreed on features. */
  boolean hasNegotiated() {
    return (status & FEATURES_OK) != 0;
  }
}
