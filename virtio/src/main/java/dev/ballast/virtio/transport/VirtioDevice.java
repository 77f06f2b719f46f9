package dev.ballast.virtio.transport;

import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.function.IntConsumer;

/**
 * A kind of virtio device, as a transport sees it. What is common to all kinds (registers,
 * negotiation, queue set-up, the worker threads, interrupts) is the transport's.
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

  /** Returns the configuration space; always the same. */
  ConfigSpace config();

  /**
   * Called after the driver changed the configuration space, on a vCPU's thread, on several at
   * once; must not block.
   */
  default void configWritten() {}

  /**
   * Registers a callback that the device runs after it has changed its configuration space itself.
   * Called once, by the transport.
   */
  default void onConfigChange(Runnable notify) {}

  /**
   * Registers a callback by which the device requests {@link #process} for a queue, as if the
   * driver had notified it: for devices that return buffers on their own. Its argument is the
   * queue's number. The device may run it on any thread, but not after {@link #close}; it does not
   * block. Called once, by the transport.
   */
  default void onQueueWork(IntConsumer request) {}

  /**
   * Called after the driver set DRIVER_OK, on a vCPU's thread, or after a state was loaded in which
   * it had, on the thread that loads; {@link #process} is not running. Must not block.
   *
   * @param negotiated the features that driver and device share
   */
  void activate(long negotiated);

  /**
   * Handles one batch of a queue's available chains: takes them and completes them. The transport
   * publishes the batch and interrupts. Called on the queue's thread with the device's lock held: a
   * reset by the guest waits for the batch, so its work is bounded.
   *
   * @return whether there may be more
   * @throws VirtqueueException if the driver broke a rule: the device needs a reset. Nothing of
   *     this batch is published then
   */
  boolean process(int queue, SplitVirtqueue virtqueue) throws VirtqueueException;

  /**
   * Waits until nothing is in flight that {@link #process} began; what the device cannot finish is
   * in its state then. Called while {@link #process} is not running and vCPUs are parked.
   */
  default void quiesce() {}

  /**
   * Returns to the state before any driver. Called with the device's lock held, on a vCPU's thread
   * or on that which resets the machine: {@link #process} is not running. Must not block.
   */
  void reset();

  /** Returns the version that {@link #saveState} writes. */
  int stateVersion();

  /** Writes the device's own state. {@link #process} is not running. */
  void saveState(StateWriter writer);

  /**
   * Loads a state that {@link #saveState} wrote; {@link #activate} follows if there was a driver.
   *
   * @param reader the state
   * @param version 1 to {@link #stateVersion}
   * @throws StateFormatException if the state is malformed or does not fit
   */
  void loadState(StateReader reader, int version) throws StateFormatException;

  /**
   * Ends what the device does by itself, for good. The transport closes the device before it ends
   * the threads of the queues: {@link #process} may be running.
   */
  default void close() {}
}
