package dev.ballast.virtio.transport;

import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * A kind of virtio device, as a transport sees it. What is common to all kinds (registers,
 * negotiation, queue set-up, the worker thread, interrupts) is the transport's.
 */
public interface VirtioDevice {
  /** Returns the device ID (virtio v1.3 §5), for instance 5 for a balloon. */
  int deviceId();

  /** Returns the features offered; always the same. The transport adds VIRTIO_F_VERSION_1. */
  long features();

  /** Returns how many queues there are; always the same. */
  int queueCount();

  /** Returns the most descriptors that a queue may have, a power of 2 up to 32768. */
  int maxQueueSize(int queue);

  /**
   * Reads the configuration space, little-endian; bytes past its end are 0. Any thread; does not
   * block.
   *
   * @param offset in bytes, from 0
   * @param size 1, 2, 4 or 8
   */
  long readConfig(long offset, int size);

  /**
   * Writes the configuration space, little-endian; read-only bytes and bytes past its end are left
   * alone. Any thread; does not block.
   *
   * @param offset in bytes, from 0
   * @param size 1, 2, 4 or 8
   * @param value in the low {@code size} bytes
   */
  void writeConfig(long offset, int size, long value);

  /**
   * Takes what is to be called after the device itself changed its configuration space. Called
   * once, by the transport.
   */
  void onConfigChange(Runnable notify);

  /**
   * Takes what has {@link #process} called for every live queue soon, as a notification by the
   * driver has: for a device that has to give something back by itself. Any thread; does not block;
   * not after {@link #close}. Called once, by the transport.
   */
  default void onQueueWork(Runnable wake) {}

  /**
   * The driver set DRIVER_OK, or a state was loaded in which it had.
   *
   * @param negotiated the features that driver and device share
   */
  void activate(long negotiated);

  /**
   * Handles one batch of what is available in a queue: takes chains and completes them. The
   * transport publishes the batch and interrupts. Called on the worker thread with the queues' lock
   * held: a reset by the guest waits for the batch, so its work is bounded.
   *
   * @return whether there may be more
   * @throws VirtqueueException if the driver broke a rule: the device needs a reset. Nothing of
   *     this batch is published then
   */
  boolean process(int queue, SplitVirtqueue virtqueue) throws VirtqueueException;

  /** Returns to the state before any driver. {@link #process} is not running. */
  void reset();

  /** Returns the version that {@link #saveState} writes. */
  int stateVersion();

  /** Writes the device's own state. {@link #process} is not running. */
  void saveState(StateWriter writer);

  /**
   * Takes over a state that {@link #saveState} wrote; {@link #activate} follows if there was a
   * driver.
   *
   * @param reader the state
   * @param version 1 to {@link #stateVersion}
   * @throws StateFormatException if the state is malformed or does not fit
   */
  void loadState(StateReader reader, int version) throws StateFormatException;

  /** Ends what the device does by itself, for good; the queues are still there. */
  default void close() {}
}
