package dev.ballast.virtio.queue;

import dev.ballast.ffi.linux.VirtioConstants;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of a split virtqueue (virtio v1.3 §2.7), alive: its rings are known to be guest
 * RAM.
 *
 * <pre>
 *   while ((chain = queue.next()) != null) {   takes what the driver made available
 *     ...
 *     queue.complete(chain.head(), written);   writes a used entry, not visible yet
 *   }
 *   if (queue.publish()) interrupt();          makes them visible, once for all
 * </pre>
 *
 * One thread at a time.
 */
public final class SplitVirtqueue {
  private static final int FLAGS = 0;
  private static final int INDEX = 2;
  private static final int RING = 4;
  private static final int AVAILABLE_ENTRY = 2;
  private static final int USED_ENTRY = VirtioConstants.USED_ELEM_SIZE;
  private static final int NO_INTERRUPT = VirtioConstants.AVAIL_F_NO_INTERRUPT;
  private static final int NO_NOTIFY = VirtioConstants.USED_F_NO_NOTIFY;
  private static final int U16 = 0xffff;

  private final GuestMemory memory;
  private final QueueState setup;
  private final int size;
  private final long available;
  private final long used;
  private final boolean eventIndex;
  private final DescriptorChain chain;

  private int nextAvailable;
  private int nextUsed;
  private int publishedUsed;

  /**
   * Brings a queue to life.
   *
   * @param memory guest RAM
   * @param state the driver's set-up and where the device stands
   * @param maxSize the size that the device offered
   * @param indirect whether VIRTIO_F_INDIRECT_DESC was negotiated
   * @param eventIndex whether VIRTIO_F_EVENT_IDX was negotiated
   * @throws VirtqueueException if the size is not a power of 2 up to {@code maxSize}, a ring is
   *     misaligned or not in guest RAM, or more chains are in flight than there can be
   */
  public SplitVirtqueue(
      GuestMemory memory, QueueState state, int maxSize, boolean indirect, boolean eventIndex)
      throws VirtqueueException {
    this.memory = memory;
    this.setup = state;
    this.size = state.size();
    this.available = state.availableRing();
    this.used = state.usedRing();
    this.eventIndex = eventIndex;
    this.nextAvailable = state.nextAvailable();
    this.nextUsed = state.nextUsed();
    this.publishedUsed = nextUsed;
    if (size < 1 || size > maxSize || Integer.bitCount(size) != 1) {
      throw new VirtqueueException(
          "queue size "
              + Integer.toUnsignedString(size)
              + ", expected a power of 2 up to "
              + maxSize);
    }
    // Each ring ends with the other side's event index, which is there whether it is used or not.
    checkRing(
        "descriptor table",
        state.descriptorTable(),
        (long) size * DescriptorChain.DESCRIPTOR_SIZE,
        DescriptorChain.DESCRIPTOR_SIZE);
    checkRing("available ring", available, RING + (long) size * AVAILABLE_ENTRY + 2, 2);
    checkRing("used ring", used, RING + (long) size * USED_ENTRY + 2, 4);
    if (unpublished() > size) {
      throw new VirtqueueException(unpublished() + " chains in flight in a queue of " + size);
    }
    this.chain = new DescriptorChain(memory, state.descriptorTable(), size, indirect);
  }

  private void checkRing(String name, long address, long length, int alignment)
      throws VirtqueueException {
    if ((address & (alignment - 1)) != 0 || memory.find(address, length) < 0) {
      throw new VirtqueueException(
          String.format(
              "%s at 0x%x: not %d bytes of guest RAM aligned to %d",
              name, address, length, alignment));
    }
  }

  /** How many chains were taken and are not back with the driver. */
  private int unpublished() {
    return (nextAvailable - publishedUsed) & U16;
  }

  /**
   * Takes the next available chain.
   *
   * @return the chain, valid until the next call, or null if there is none
   * @throws VirtqueueException if the driver broke a rule; the queue is unusable then
   */
  public @Nullable DescriptorChain next() throws VirtqueueException {
    int pending = pending();
    if (pending == 0) {
      return null;
    }
    long slot = available + RING + (long) (nextAvailable & (size - 1)) * AVAILABLE_ENTRY;
    int head;
    try {
      head = memory.readU16(slot);
    } catch (GuestAddressException e) {
      throw new IllegalStateException(e);
    }
    chain.load(head);
    nextAvailable = (nextAvailable + 1) & U16;
    return chain;
  }

  /**
   * Puts the chain that was taken last back: the next call of {@link #next} takes it again, and
   * copies its descriptors again.
   *
   * @throws IllegalStateException if no chain is in flight
   */
  public void putBack() {
    requireInFlight();
    nextAvailable = (nextAvailable - 1) & U16;
  }

  /** Returns how many chains were taken and not completed. */
  public int inFlight() {
    return (nextAvailable - nextUsed) & U16;
  }

  private void requireInFlight() {
    if (inFlight() == 0) {
      throw new IllegalStateException("no chain is in flight");
    }
  }

  /** How many chains the driver has made available and the device has not taken. */
  private int pending() throws VirtqueueException {
    int pending = (loadIndex() - nextAvailable) & U16;
    if (pending > size - unpublished()) {
      throw new VirtqueueException(
          String.format(
              "%d chains available and %d in flight in a queue of %d",
              pending, unpublished(), size));
    }
    return pending;
  }

  /**
   * The acquire pairs with the driver's write barrier: its ring entries and descriptors are
   * visible.
   */
  private int loadIndex() {
    try {
      return memory.readU16Acquire(available + INDEX);
    } catch (GuestAddressException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Says that a chain is done. The driver does not see it before {@link #publish}.
   *
   * @param head the chain's {@link DescriptorChain#head}
   * @param written how many bytes the device wrote into its writable buffers, unsigned
   * @throws IllegalStateException if no chain is in flight
   */
  public void complete(int head, int written) {
    requireInFlight();
    long slot = used + RING + (long) (nextUsed & (size - 1)) * USED_ENTRY;
    try {
      memory.writeU32(slot, head);
      memory.writeU32(slot + 4, written);
    } catch (GuestAddressException e) {
      throw new IllegalStateException(e);
    }
    nextUsed = (nextUsed + 1) & U16;
  }

  /**
   * Makes all completed chains visible to the driver.
   *
   * @return whether the driver wants an interrupt for them (§2.7.7)
   */
  public boolean publish() {
    int before = publishedUsed;
    if (nextUsed == before) {
      return false;
    }
    try {
      memory.writeU16Release(used + INDEX, nextUsed);
      publishedUsed = nextUsed;
      // The driver may be about to ask for an interrupt and to look at the index again: either it
      // sees
      // the index written above, or the device sees its wish below.
      VarHandle.fullFence();
      if (!eventIndex) {
        return (memory.readU16(available + FLAGS) & NO_INTERRUPT) == 0;
      }
      int event = memory.readU16(available + RING + (long) size * AVAILABLE_ENTRY);
      // vring_need_event of §2.7.10: whether the published entries include the one the driver
      // named.
      return ((nextUsed - event - 1) & U16) < ((nextUsed - before) & U16);
    } catch (GuestAddressException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Asks the driver for no more notifications: the device is looking anyway. A hint, §2.7.8. */
  public void suppressNotifications() {
    // With the event index the driver asks no more by itself once the index named to it is passed.
    if (!eventIndex) {
      setUsedFlags(NO_NOTIFY);
    }
  }

  /**
   * Asks the driver to notify of the next chain.
   *
   * @return whether there is one already: then look, since no notification may come for it
   * @throws VirtqueueException if the driver broke a rule
   */
  public boolean enableNotifications() throws VirtqueueException {
    if (eventIndex) {
      try {
        memory.writeU16(used + RING + (long) size * USED_ENTRY, nextAvailable);
      } catch (GuestAddressException e) {
        throw new IllegalStateException(e);
      }
    } else {
      setUsedFlags(0);
    }
    // The mirror of the fence in publish.
    VarHandle.fullFence();
    return pending() != 0;
  }

  private void setUsedFlags(int flags) {
    try {
      memory.writeU16(used + FLAGS, flags);
    } catch (GuestAddressException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Returns how many descriptors the queue has. */
  public int size() {
    return size;
  }

  /**
   * Returns the queue as it can be saved; what was completed but not published counts as in flight.
   */
  public QueueState state() {
    return setup.at(nextAvailable, publishedUsed);
  }
}
