package dev.ballast.virtio.mock;

import static org.awaitility.Awaitility.await;

import java.lang.invoke.VarHandle;
import java.time.Duration;

/** The driver's side of a split virtqueue. One thread. */
public final class MockQueue {
  private static final int DESCRIPTOR = 16;

  private final GuestView guest;
  private final int size;
  private final long table;
  private final long available;
  private final long used;
  private int nextDescriptor;
  private int availableIndex;

  /**
   * @param guest where the rings are
   * @param size how many descriptors
   * @param table the descriptor table, {@code 16 * size} bytes of zeros
   * @param available the available ring, {@code 6 + 2 * size} bytes of zeros
   * @param used the used ring, {@code 6 + 8 * size} bytes of zeros
   */
  public MockQueue(GuestView guest, int size, long table, long available, long used) {
    this.guest = guest;
    this.size = size;
    this.table = table;
    this.available = available;
    this.used = used;
  }

  /** Returns the same queue, but that its descriptors are written at another place. */
  public MockQueue withTable(long address) {
    return new MockQueue(guest, size, address, available, used);
  }

  /** Returns how many descriptors there are. */
  public int size() {
    return size;
  }

  /** Returns the address of the descriptor table. */
  public long table() {
    return table;
  }

  /** Returns the address of the available ring. */
  public long available() {
    return available;
  }

  /** Returns the address of the used ring. */
  public long used() {
    return used;
  }

  /** Writes a descriptor, good or bad, into this queue's table. */
  public void descriptor(int index, MockBuffer buffer, int extraFlags, int next) {
    descriptor(table, index, buffer, extraFlags, next);
  }

  private void descriptor(long into, int index, MockBuffer buffer, int extraFlags, int next) {
    long at = into + (long) index * DESCRIPTOR;
    guest.put64(at, buffer.address());
    guest.put32(at + 8, (int) buffer.length());
    guest.put16(at + 12, buffer.flags() | extraFlags);
    guest.put16(at + 14, next);
  }

  /**
   * Writes an indirect table of one chain at {@code address}; returns the buffer that refers to it.
   */
  public MockBuffer indirect(long address, MockBuffer... buffers) {
    for (int i = 0; i < buffers.length; i++) {
      boolean last = i == buffers.length - 1;
      descriptor(address, i, buffers[i], last ? 0 : MockBuffer.NEXT, last ? 0 : i + 1);
    }
    return new MockBuffer(address, (long) buffers.length * DESCRIPTOR, MockBuffer.INDIRECT);
  }

  /**
   * Builds a chain and makes it available. Descriptors are taken in turn: the test keeps fewer in
   * flight than there are.
   *
   * @return its head
   */
  public int add(MockBuffer... buffers) {
    int head = nextDescriptor;
    for (int i = 0; i < buffers.length; i++) {
      int next = (nextDescriptor + 1) % size;
      descriptor(nextDescriptor, buffers[i], i < buffers.length - 1 ? MockBuffer.NEXT : 0, next);
      nextDescriptor = next;
    }
    makeAvailable(head);
    return head;
  }

  /** Makes a chain available by its head, which may be nonsense. */
  public void makeAvailable(int head) {
    guest.put16(available + 4 + 2L * (availableIndex & (size - 1)), head);
    setAvailableIndex(availableIndex + 1);
  }

  /** Sets the available index, 16 bits of it. */
  public void setAvailableIndex(int index) {
    availableIndex = index & 0xffff;
    guest.publish16(available + 2, availableIndex);
  }

  /** Sets the flags of the available ring; 1 = no interrupts. */
  public void setAvailableFlags(int flags) {
    guest.put16(available, flags);
  }

  /** Sets {@code used_event}: interrupt when this entry is published. */
  public void setUsedEvent(int index) {
    guest.put16(available + 4 + 2L * size, index);
  }

  /** Returns {@code avail_event}: notify when this entry is made available. */
  public int availableEvent() {
    return guest.get16(used + 4 + 8L * size);
  }

  /** Returns the flags of the used ring; 1 = no notifications. */
  public int usedFlags() {
    return guest.get16(used);
  }

  /** Returns whether the device wants to be notified of what was added since {@code before}. */
  public boolean wantsNotification(int before, boolean eventIndex) {
    VarHandle.fullFence();
    return eventIndex
        ? ((availableIndex - availableEvent() - 1) & 0xffff) < ((availableIndex - before) & 0xffff)
        : (usedFlags() & 1) == 0;
  }

  /** Returns the available index. */
  public int availableIndex() {
    return availableIndex;
  }

  /** Returns the used index. */
  public int usedIndex() {
    return guest.get16(used + 2);
  }

  /** Returns the head in a used entry. */
  public int usedHead(int index) {
    return guest.get32(used + 4 + 8L * (index & (size - 1)));
  }

  /** Returns the number of written bytes in a used entry. */
  public int usedLength(int index) {
    return guest.get32(used + 8 + 8L * (index & (size - 1)));
  }

  /** Waits until the device has given everything back. */
  public void awaitAllUsed() {
    await()
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(1))
        .until(() -> usedIndex() == availableIndex);
  }
}
