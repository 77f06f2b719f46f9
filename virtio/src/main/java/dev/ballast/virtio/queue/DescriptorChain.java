package dev.ballast.virtio.queue;

import dev.ballast.ffi.linux.VirtioConstants;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;

/**
 * One request of the driver: buffers the device reads, then buffers the device writes. The
 * descriptors were copied out of guest memory once, and the copy was checked: every buffer is guest
 * RAM, there are at most as many as the queue has descriptors, and no loop. What is <em>in</em> the
 * buffers the guest may still change at any time.
 *
 * <p>The object belongs to its queue and is filled anew by the next {@link SplitVirtqueue#next}.
 * One thread.
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
  private final long table;
  private final int queueSize;
  private final boolean indirectAllowed;
  private final long[] addresses;
  private final long[] lengths;

  private int head;
  private int count;
  private int readable;
  private long readableBytes;
  private long writableBytes;
  private int cursorBuffer;
  private long cursorOffset;

  DescriptorChain(GuestMemory memory, long table, int queueSize, boolean indirectAllowed) {
    this.memory = memory;
    this.table = table;
    this.queueSize = queueSize;
    this.indirectAllowed = indirectAllowed;
    this.addresses = new long[queueSize];
    this.lengths = new long[queueSize];
  }

  /** Copies the chain that starts at descriptor {@code first} of the queue's table. */
  void load(int first) throws VirtqueueException {
    head = first;
    count = 0;
    readable = 0;
    readableBytes = 0;
    writableBytes = 0;
    cursorBuffer = 0;
    cursorOffset = 0;
    try {
      walk(table, queueSize, first, indirectAllowed);
    } catch (GuestAddressException e) {
      throw new VirtqueueException("descriptor chain " + head + ": " + e.getMessage());
    }
  }

  /**
   * Adds the descriptors from {@code index} of a table on. The bound of {@link #add} ends a loop:
   * only an indirect descriptor adds nothing, and it is the last one.
   */
  private void walk(long from, int entries, int index, boolean indirectHere)
      throws VirtqueueException, GuestAddressException {
    int at = index;
    while (true) {
      if (at >= entries) {
        throw broken("descriptor index " + at + " of " + entries);
      }
      long entry = from + (long) at * DESCRIPTOR_SIZE;
      long address = memory.readU64(entry);
      long length = Integer.toUnsignedLong(memory.readU32(entry + 8));
      int flags = memory.readU16(entry + 12);
      int next = memory.readU16(entry + 14);
      if ((flags & INDIRECT) != 0) {
        if (!indirectHere) {
          throw broken("an indirect descriptor where none may be");
        }
        if ((flags & NEXT) != 0) {
          throw broken("an indirect descriptor has a next one");
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
      throw broken("an indirect table of " + length + " bytes");
    }
    memory.ramOffset(address, length);
    walk(address, (int) entries, 0, false);
  }

  private void add(long address, long length, boolean writable)
      throws VirtqueueException, GuestAddressException {
    if (count == queueSize) {
      throw broken("more than " + queueSize + " descriptors, or a loop");
    }
    memory.ramOffset(address, length);
    if (writable) {
      writableBytes += length;
    } else {
      if (count > readable) {
        throw broken("a readable buffer after a writable one");
      }
      readable++;
      readableBytes += length;
    }
    if (readableBytes + writableBytes > MAX_BYTES) {
      throw broken("more than 2^32 bytes");
    }
    addresses[count] = address;
    lengths[count] = length;
    count++;
  }

  private VirtqueueException broken(String how) {
    return new VirtqueueException("descriptor chain " + head + ": " + how);
  }

  /** Returns the index of the first descriptor, which names the chain in the used ring. */
  public int head() {
    return head;
  }

  /** Returns how many buffers there are; the indirect descriptor itself is none. */
  public int bufferCount() {
    return count;
  }

  /** Returns how many of them, the first ones, the device reads. */
  public int readableCount() {
    return readable;
  }

  /** Returns the guest physical address of a buffer. */
  public long address(int buffer) {
    return addresses[buffer];
  }

  /** Returns the length of a buffer in bytes, 0 to 2^32 - 1. */
  public long length(int buffer) {
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

  /**
   * Passes over the next bytes of the readable buffers.
   *
   * @param bytes how many; more than are left is all of them
   */
  public void skip(long bytes) {
    long left = bytes;
    while (left > 0 && cursorBuffer < readable) {
      long piece = Math.min(left, lengths[cursorBuffer] - cursorOffset);
      cursorOffset += piece;
      left -= piece;
      if (cursorOffset == lengths[cursorBuffer]) {
        cursorBuffer++;
        cursorOffset = 0;
      }
    }
  }

  /**
   * Copies the next bytes out of the readable buffers, as if they were one (§2.7.4: the device
   * makes no assumption about how a message is cut into descriptors).
   *
   * @param into filled from its start
   * @return how many bytes were copied; less than {@code into} has room for only at the end
   */
  public long read(MemorySegment into) {
    long wanted = into.byteSize();
    long done = 0;
    while (done < wanted && cursorBuffer < readable) {
      long left = lengths[cursorBuffer] - cursorOffset;
      if (left == 0) {
        cursorBuffer++;
        cursorOffset = 0;
        continue;
      }
      long piece = Math.min(left, wanted - done);
      long from = memory.find(addresses[cursorBuffer] + cursorOffset, piece);
      MemorySegment.copy(memory.ram(), from, into, done, piece);
      done += piece;
      cursorOffset += piece;
    }
    return done;
  }
}
