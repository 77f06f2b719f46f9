package dev.ballast.virtio.queue;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * The state of a virtqueue: the driver's setup and the device's two positions. {@link
 * SplitVirtqueue} is the running queue that is created from it.
 *
 * @param size how many descriptors; 0 until the driver sets it, and unchecked until a {@link
 *     SplitVirtqueue} is created
 * @param ready whether the driver enabled the queue
 * @param descriptorTable the guest physical address of the descriptor table
 * @param availableRing the guest physical address of the available ring ("driver area")
 * @param usedRing the guest physical address of the used ring ("device area")
 * @param nextAvailable the index in the available ring of the next chain to take, 0 to 65535
 * @param nextUsed the index in the used ring of the next entry to publish, 0 to 65535
 */
public record QueueState(
    int size,
    boolean ready,
    long descriptorTable,
    long availableRing,
    long usedRing,
    int nextAvailable,
    int nextUsed) {
  /** The queue after a reset. */
  public static final QueueState RESET = new QueueState(0, false, 0, 0, 0, 0, 0);

  /** Returns the same with another size. */
  public QueueState withSize(int newSize) {
    return new QueueState(
        newSize, ready, descriptorTable, availableRing, usedRing, nextAvailable, nextUsed);
  }

  /** Returns the same, enabled or not. */
  public QueueState withReady(boolean newReady) {
    return new QueueState(
        size, newReady, descriptorTable, availableRing, usedRing, nextAvailable, nextUsed);
  }

  /** Returns the same with another descriptor table. */
  public QueueState withDescriptorTable(long address) {
    return new QueueState(size, ready, address, availableRing, usedRing, nextAvailable, nextUsed);
  }

  /** Returns the same with another available ring. */
  public QueueState withAvailableRing(long address) {
    return new QueueState(size, ready, descriptorTable, address, usedRing, nextAvailable, nextUsed);
  }

  /** Returns the same with another used ring. */
  public QueueState withUsedRing(long address) {
    return new QueueState(
        size, ready, descriptorTable, availableRing, address, nextAvailable, nextUsed);
  }

  /** Returns the same at other positions. */
  QueueState at(int available, int used) {
    return new QueueState(size, ready, descriptorTable, availableRing, usedRing, available, used);
  }

  /** Writes all fields. */
  public void write(StateWriter writer) {
    writer.u32(size).bool(ready).u64(descriptorTable).u64(availableRing).u64(usedRing);
    writer.u16(nextAvailable).u16(nextUsed);
  }

  /**
   * Reads what {@link #write} wrote. The driver's setup is as unchecked as when the driver wrote
   * it: {@link SplitVirtqueue} checks it.
   */
  public static QueueState read(StateReader reader) throws StateFormatException {
    return new QueueState(
        reader.u32(),
        reader.bool(),
        reader.u64(),
        reader.u64(),
        reader.u64(),
        reader.u16(),
        reader.u16());
  }
}
