package dev.ballast.virtio.queue;

import dev.ballast.ffi.linux.VirtioConstants;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/**
 * One request of the driver: buffers the device reads, then buffers the device writes. The
 * descriptors were copied out of guest memory once, and the copy was checked: every buffer is guest
 * RAM, there are at most as many as the queue has descriptors, and there is no loop. The guest may
 * still change the <em>content</em> of the buffers at any time.
 *
 * <p>{@link SplitVirtqueue#next(DescriptorChain)} fills the object, which does not change until
 * that is called with it again, whatever the queue does meanwhile: a device that works on several
 * requests at once has an object for each. One thread at a time.
 */
public final class DescriptorChain {
  /** Another descriptor follows (virtio v1.3 §2.7.5). */
  static final int NEXT = VirtioConstants.DESC_F_NEXT;

  /** The device writes this buffer, and does not read it. */
  static final int WRITE = VirtioConstants.DESC_F_WRITE;

  /** The buffer is a table of descriptors. */
  static final int INDIRECT = VirtioConstants.DESC_F_INDIRECT;

  /** The size of a descriptor in bytes. */
  static final int DESCRIPTOR_SIZE = VirtioConstants.DESC_SIZE;

  /** The most bytes that a chain may have, §2.7.5.2. */
  private static final long MAX_BYTES = 1L << 32;

  private final GuestMemory memory;
  private final QueueMemory ram;
  private final long[] ramOffsets;
  private final long[] lengths;
  private final ChainReader reader;
  private final ChainWriter writer;

  private int head;
  private int queueSize;
  private int count;
  private int readable;
  private long readableBytes;
  private long writableBytes;

  /**
   * Creates a chain without buffers.
   *
   * @param memory guest RAM
   * @param capacity the largest size, in descriptors, of a queue that it may be filled from
   */
  public DescriptorChain(GuestMemory memory, int capacity) {
    this.memory = memory;
    this.ram = new QueueMemory(memory);
    this.ramOffsets = new long[capacity];
    this.lengths = new long[capacity];
    this.reader = new ChainReader(this, ram);
    this.writer = new ChainWriter(this, ram);
  }

  /** Returns how many buffers there is room for. */
  int capacity() {
    return lengths.length;
  }

  /**
   * Copies a chain of a queue.
   *
   * @param table the RAM offset of the queue's descriptor table
   * @param size how many descriptors that has, at most {@link #capacity}
   * @param first the first descriptor of the chain, unchecked
   * @param indirectAllowed whether there may be an indirect table
   */
  void load(long table, int size, int first, boolean indirectAllowed) throws VirtqueueException {
    head = first;
    queueSize = size;
    count = 0;
    readable = 0;
    readableBytes = 0;
    writableBytes = 0;
    try {
      walk(table, size, first, indirectAllowed);
    } catch (GuestAddressException e) {
      throw violation(e.getMessage());
    } finally {
      reader.reset(0, readable, readableBytes);
      writer.reset(readable, count, writableBytes);
    }
  }

  /**
   * Adds the descriptors from {@code index} of a table on. The bound of {@link #add} ends a loop:
   * only an indirect descriptor adds nothing, and it is the last one.
   */
  private void walk(long table, int entries, int index, boolean indirectHere)
      throws VirtqueueException, GuestAddressException {
    int at = index;
    while (true) {
      if (at >= entries) {
        throw violation("descriptor index " + at + " of " + entries);
      }
      long entry = table + (long) at * DESCRIPTOR_SIZE;
      long address = ram.readU64(entry);
      long length = ram.readU32(entry + 8);
      int flags = ram.readU16(entry + 12);
      int next = ram.readU16(entry + 14);
      if ((flags & INDIRECT) != 0) {
        if (!indirectHere) {
          throw violation("an indirect descriptor where none may be");
        }
        if ((flags & NEXT) != 0) {
          throw violation("an indirect descriptor has a next one");
        }
        walkIndirect(address, length);
        return;
      }
      add(address, length, (flags & WRITE) != 0);
      if ((flags & NEXT) == 0) {
        return;
      }
      at = next;
    }
  }

  private void walkIndirect(long address, long length)
      throws VirtqueueException, GuestAddressException {
    long entries = length / DESCRIPTOR_SIZE;
    // An index has 16 bits, so that more entries could never be reached.
    if (entries == 0 || length % DESCRIPTOR_SIZE != 0 || entries > 1 << 16) {
      throw violation("an indirect table of " + length + " bytes");
    }
    walk(memory.ramOffset(address, length), (int) entries, 0, false);
  }

  private void add(long address, long length, boolean writable)
      throws VirtqueueException, GuestAddressException {
    if (count == queueSize) {
      throw violation("more than " + queueSize + " descriptors, or a loop");
    }
    long ramOffset = memory.ramOffset(address, length);
    if (writable) {
      writableBytes += length;
    } else {
      if (count > readable) {
        throw violation("a readable buffer after a writable one");
      }
      readable++;
      readableBytes += length;
    }
    if (readableBytes + writableBytes > MAX_BYTES) {
      throw violation("more than 2^32 bytes");
    }
    ramOffsets[count] = ramOffset;
    lengths[count] = length;
    count++;
  }

  /** Returns an exception that says how the driver broke a rule with this chain. */
  VirtqueueException violation(@Nullable String how) {
    return new VirtqueueException("descriptor chain " + head + ": " + how);
  }

  /** Returns the index of the first descriptor, which names the chain in the used ring. */
  public int head() {
    return head;
  }

  /** Returns how many buffers there are; the indirect descriptor itself does not count. */
  public int bufferCount() {
    return count;
  }

  /** Returns how many of them the device reads; they come first. */
  public int readableCount() {
    return readable;
  }

  /** Returns where a buffer starts in {@link GuestMemory#ram}, in bytes. */
  long ramOffset(int buffer) {
    return ramOffsets[buffer];
  }

  /** Returns the length of a buffer in bytes, 0 to 2^32 - 1. */
  long length(int buffer) {
    return lengths[buffer];
  }

  /** Returns how many bytes the device may read, 0 to 2^32. */
  public long readableBytes() {
    return readableBytes;
  }

  /** Returns how many bytes the device may write, 0 to 2^32. */
  public long writableBytes() {
    return writableBytes;
  }

  /** Returns the cursor over what the device may read; the same for each call. */
  public ChainReader reader() {
    return reader;
  }

  /** Returns the cursor over what the device may write; the same for each call. */
  public ChainWriter writer() {
    return writer;
  }
}
