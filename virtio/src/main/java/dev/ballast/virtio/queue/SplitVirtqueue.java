package dev.ballast.virtio.queue;

import dev.ballast.ffi.linux.VirtioConstants;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of a running split virtqueue (virtio v1.3 §2.7): its rings have been checked to
 * lie in guest RAM.
 *
 * <pre>
 *   while ((chain = queue.next()) != null) {   takes what the driver made available
 *     ...                                      chain.reader(), chain.writer()
 *     queue.complete(chain.head(), written);   writes a used entry, not visible yet
 *   }
 *   if (queue.publish()) interrupt();          makes them visible, once for all
 * </pre>
 *
 * <p>A device that works on several chains at once takes them by {@link #next(DescriptorChain)} and
 * completes them in any order. One thread at a time; allocates nothing after its construction.
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
  private static final long U32 = 0xffff_ffffL;

  private final QueueMemory memory;
  private final QueueState setup;
  private final int size;

  // The rings do not move: where they lie in RAM is looked up once.
  private final long table;
  private final long available;
  private final long used;
  private final boolean indirect;
  private final boolean eventIndex;
  private final DescriptorChain chain;

  private int nextAvailable;
  private int nextUsed;
  private int publishedUsed;

  /**
   * Creates the queue and checks its setup.
   *
   * @param memory guest RAM
   * @param state the driver's setup and the device's positions
   * @param maxSize the size that the device offered
   * @param indirect whether VIRTIO_F_INDIRECT_DESC was negotiated
   * @param eventIndex whether VIRTIO_F_EVENT_IDX was negotiated
   * @throws VirtqueueException if the size is not a power of 2 up to {@code maxSize}, a ring is
   *     misaligned or not in guest RAM, or more chains are in flight than it has descriptors
   */
  public SplitVirtqueue(
      GuestMemory memory, QueueState state, int maxSize, boolean indirect, boolean eventIndex)
      throws VirtqueueException {
    this.memory = new QueueMemory(memory);
    this.setup = state;
    this.size = state.size();
    this.indirect = indirect;
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
    long tableBytes = (long) size * DescriptorChain.DESCRIPTOR_SIZE;
    long availableBytes = RING + (long) size * AVAILABLE_ENTRY + Short.BYTES;
    long usedBytes = RING + (long) size * USED_ENTRY + Short.BYTES;
    this.table = locate(memory, "descriptor table", state.descriptorTable(), tableBytes, 16);
    this.available = locate(memory, "available ring", state.availableRing(), availableBytes, 2);
    this.used = locate(memory, "used ring", state.usedRing(), usedBytes, 4);
    if (unpublished() > size) {
      throw new VirtqueueException(unpublished() + " chains in flight in a queue of " + size);
    }
    this.chain = new DescriptorChain(memory, size);
  }

  /** Returns where a ring lies in RAM; refuses one that does not lie wholly in one region. */
  private static long locate(
      GuestMemory memory, String name, long address, long length, int alignment)
      throws VirtqueueException {
    long ramOffset = memory.find(address, length);
    if ((address & (alignment - 1)) != 0 || ramOffset < 0) {
      throw new VirtqueueException(
          "%s at 0x%x: not %d bytes of guest RAM aligned to %d"
              .formatted(name, address, length, alignment));
    }
    return ramOffset;
  }

  /** Returns how many chains were taken and not yet published as used. */
  private int unpublished() {
    return (nextAvailable - publishedUsed) & U16;
  }

  /**
   * Takes the next available chain into an object of the queue's own: for a device that completes a
   * chain before it takes another.
   *
   * @return the chain, valid until the next call, or null if there is none
   * @throws VirtqueueException if the driver broke a rule; the queue is unusable then
   */
  public @Nullable DescriptorChain next() throws VirtqueueException {
    return next(chain) ? chain : null;
  }

  /**
   * Takes the next available chain into an object of the caller's, which stays valid while other
   * chains are taken. At most {@link #size} chains are in flight; their heads differ only if the
   * driver keeps to the rules.
   *
   * @param into of a capacity of at least {@link #size}, and over the same guest RAM
   * @return whether there was one; if not, {@code into} does not change
   * @throws VirtqueueException if the driver broke a rule; the queue is unusable then
   * @throws IllegalArgumentException if {@code into} has too small a capacity
   */
  public boolean next(DescriptorChain into) throws VirtqueueException {
    if (into.capacity() < size) {
      throw new IllegalArgumentException(
          "a chain for " + into.capacity() + " descriptors, and a queue of " + size);
    }
    if (pending() == 0) {
      return false;
    }
    int head = memory.readU16(available + RING + (long) slot(nextAvailable) * AVAILABLE_ENTRY);
    into.load(table, size, head, indirect);
    nextAvailable = (nextAvailable + 1) & U16;
    return true;
  }

  private int slot(int index) {
    return index & (size - 1);
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

  /** Returns how many chains the driver has made available and the device has not taken. */
  private int pending() throws VirtqueueException {
    int pending = (loadIndex() - nextAvailable) & U16;
    if (pending > size - unpublished()) {
      throw new VirtqueueException(
          "%d chains available and %d in flight in a queue of %d"
              .formatted(pending, unpublished(), size));
    }
    return pending;
  }

  /**
   * The acquire pairs with the driver's write barrier: its ring entries and descriptors are
   * visible.
   */
  private int loadIndex() {
    return memory.readU16Acquire(available + INDEX);
  }

  /**
   * Adds a chain to the used ring. The driver does not see it before {@link #publish}.
   *
   * @param head the chain's {@link DescriptorChain#head}
   * @param written how many bytes the device wrote into its writable buffers, 0 to 2^32: {@link
   *     ChainWriter#written}
   * @throws IllegalStateException if no chain is in flight
   */
  public void complete(int head, long written) {
    requireInFlight();
    long entry = used + RING + (long) slot(nextUsed) * USED_ENTRY;
    memory.writeU32(entry, head);
    // A chain may have one byte more than the field can hold; drivers must accept less (§2.7.8.2).
    memory.writeU32(entry + 4, (int) Math.min(written, U32));
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
    memory.writeU16Release(used + INDEX, nextUsed);
    publishedUsed = nextUsed;
    // The driver may be about to ask for an interrupt and to look at the index again: either it
    // sees the index written above, or the device sees its request below.
    VarHandle.fullFence();
    if (!eventIndex) {
      return (memory.readU16(available + FLAGS) & NO_INTERRUPT) == 0;
    }
    int event = memory.readU16(available + RING + (long) size * AVAILABLE_ENTRY);
    // vring_need_event of §2.7.10: whether the published entries include the one that the driver
    // named.
    return ((nextUsed - event - 1) & U16) < ((nextUsed - before) & U16);
  }

  /** Asks the driver to send no notifications while the device polls the queue. A hint (§2.7.8). */
  public void suppressNotifications() {
    // With the event index the driver stops notifying by itself once it has passed the index given
    // to it.
    if (!eventIndex) {
      setUsedFlags(NO_NOTIFY);
    }
  }

  /**
   * Asks the driver to send a notification for the next chain.
   *
   * @return whether there is one already: then take it, since no notification may come for it
   * @throws VirtqueueException if the driver broke a rule
   */
  public boolean enableNotifications() throws VirtqueueException {
    if (eventIndex) {
      memory.writeU16(used + RING + (long) size * USED_ENTRY, nextAvailable);
    } else {
      setUsedFlags(0);
    }
    // The mirror of the fence in publish.
    VarHandle.fullFence();
    return pending() != 0;
  }

  private void setUsedFlags(int flags) {
    memory.writeU16(used + FLAGS, flags);
  }

  /** Returns how many descriptors the queue has. */
  public int size() {
    return size;
  }

  /**
   * Returns the state to be saved; chains that were completed but not published count as in flight.
   */
  public QueueState state() {
    return setup.at(nextAvailable, publishedUsed);
  }
}
