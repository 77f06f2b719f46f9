package dev.ballast.vmm.memory;

import static dev.ballast.vmm.memory.LittleEndian.ALIGNED_U16;
import static dev.ballast.vmm.memory.LittleEndian.U16;
import static dev.ballast.vmm.memory.LittleEndian.U32;
import static dev.ballast.vmm.memory.LittleEndian.U64;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.ballast.vmm.bus.AddressMap;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Guest RAM by guest physical address. Every access is checked; every write by the VMM goes through
 * here and marks the page in {@link #vmmDirty}, because KVM's dirty log sees only what vCPUs write.
 *
 * <p>Any thread. Multi-byte values are little-endian; an address must be a multiple of the size for
 * the acquire and release variants, others may be unaligned.
 */
public final class GuestMemory implements AutoCloseable {
  /** The size of RAM is a multiple of this, in bytes. */
  public static final long SIZE_ALIGNMENT = 2L << 20;

  private final RamBacking backing;
  private final MemorySegment ram;
  private final List<MemoryRegion> regions;
  private final long[] regionStart;
  private final long[] regionEnd;
  private final long[] regionRamOffset;
  private final PageBitmap vmmDirty;

  /**
   * Lays RAM out as {@link #layOut} says.
   *
   * @param backing the host memory, a multiple of {@link #SIZE_ALIGNMENT} bytes; closed with this
   */
  public GuestMemory(RamBacking backing) {
    this.backing = backing;
    this.ram = backing.segment();
    long size = ram.byteSize();
    if (size == 0 || size % SIZE_ALIGNMENT != 0) {
      throw new IllegalArgumentException("RAM of " + size + " bytes is not a multiple of 2 MiB");
    }
    this.regions = layOut(size);
    this.regionStart = regions.stream().mapToLong(MemoryRegion::guestAddress).toArray();
    this.regionEnd = regions.stream().mapToLong(MemoryRegion::guestEnd).toArray();
    this.regionRamOffset = regions.stream().mapToLong(MemoryRegion::ramOffset).toArray();
    this.vmmDirty = PageBitmap.allocate(size / RamBlock.PAGE_SIZE);
  }

  /**
   * Returns the regions of RAM of a size, ascending: up to 3 GiB from address 0, the rest from 4
   * GiB on.
   *
   * @param size in bytes
   */
  public static List<MemoryRegion> layOut(long size) {
    long low = Math.min(size, AddressMap.MMIO_HOLE);
    MemoryRegion first = new MemoryRegion(0, low, 0);
    return size == low
        ? List.of(first)
        : List.of(first, new MemoryRegion(AddressMap.HIGH_RAM, size - low, low));
  }

  /**
   * Returns the guest physical addresses of a part of {@link #ram}, ascending.
   *
   * @param ramOffset where it starts, in bytes
   * @param length in bytes; a part of RAM
   */
  public List<MemoryRegion> regions(long ramOffset, long length) {
    List<MemoryRegion> parts = new ArrayList<>();
    for (MemoryRegion region : regions) {
      long start = Math.max(ramOffset, region.ramOffset());
      long end = Math.min(ramOffset + length, region.ramOffset() + region.size());
      if (start < end) {
        long address = region.guestAddress() + start - region.ramOffset();
        parts.add(new MemoryRegion(address, end - start, start));
      }
    }
    return parts;
  }

  /** Returns the size of RAM in bytes. */
  public long size() {
    return ram.byteSize();
  }

  /** Returns the regions, ascending. */
  public List<MemoryRegion> regions() {
    return regions;
  }

  /**
   * Returns all of RAM, region after region. Writes to it are not marked in {@link #vmmDirty}: for
   * migration and tests.
   */
  public MemorySegment ram() {
    return ram;
  }

  /** Returns the host memory behind RAM. */
  public RamBacking backing() {
    return backing;
  }

  /** Returns the pages that the VMM wrote, one bit per 4 KiB of {@link #ram}. */
  public PageBitmap vmmDirty() {
    return vmmDirty;
  }

  /**
   * Returns where a range of guest physical addresses lies in {@link #ram}, in bytes, or -1 if not
   * all of it is in one region. Allocates nothing.
   */
  public long find(long address, long length) {
    for (int i = 0; i < regionStart.length; i++) {
      long offset = address - regionStart[i];
      long room = regionEnd[i] - regionStart[i];
      if (offset >= 0 && length >= 0 && offset <= room && length <= room - offset) {
        return regionRamOffset[i] + offset;
      }
    }
    return -1;
  }

  /**
   * Returns the guest physical address of a byte of {@link #ram}.
   *
   * @param ramOffset which byte, less than {@link #size}
   */
  public long guestAddress(long ramOffset) {
    MemoryRegion region = regions.getFirst();
    for (MemoryRegion candidate : regions) {
      if (candidate.ramOffset() <= ramOffset) {
        region = candidate;
      }
    }
    return region.guestAddress() + ramOffset - region.ramOffset();
  }

  /**
   * Returns where a range of guest physical addresses lies in {@link #ram}, in bytes.
   *
   * @throws GuestAddressException if not all of it is in one region
   */
  public long ramOffset(long address, long length) throws GuestAddressException {
    long offset = find(address, length);
    if (offset < 0) {
      throw new GuestAddressException(address, length);
    }
    return offset;
  }

  /**
   * Returns a read-only view of {@code length} bytes of guest memory, which the guest may change at
   * any time.
   */
  public MemorySegment view(long address, long length) throws GuestAddressException {
    return ram.asSlice(ramOffset(address, length), length).asReadOnly();
  }

  /** Reads 8 bits, unsigned. */
  public int readU8(long address) throws GuestAddressException {
    return ram.get(JAVA_BYTE, ramOffset(address, 1)) & 0xff;
  }

  /** Reads 16 bits, unsigned. */
  public int readU16(long address) throws GuestAddressException {
    return ram.get(U16, ramOffset(address, 2)) & 0xffff;
  }

  /** Reads 16 bits, unsigned; later reads see at least what the guest wrote before this value. */
  public int readU16Acquire(long address) throws GuestAddressException {
    return (short) ALIGNED_U16.getAcquire(ram, ramOffset(address, 2)) & 0xffff;
  }

  /** Reads 32 bits. */
  public int readU32(long address) throws GuestAddressException {
    return ram.get(U32, ramOffset(address, 4));
  }

  /** Reads 64 bits. */
  public long readU64(long address) throws GuestAddressException {
    return ram.get(U64, ramOffset(address, 8));
  }

  /** Copies {@code into.byteSize()} bytes out of guest memory. */
  public void read(long address, MemorySegment into) throws GuestAddressException {
    long length = into.byteSize();
    MemorySegment.copy(ram, ramOffset(address, length), into, 0, length);
  }

  /** Writes the low 8 bits. */
  public void writeU8(long address, int value) throws GuestAddressException {
    long offset = ramOffset(address, 1);
    ram.set(JAVA_BYTE, offset, (byte) value);
    markDirty(offset, 1);
  }

  /** Writes the low 16 bits. */
  public void writeU16(long address, int value) throws GuestAddressException {
    long offset = ramOffset(address, 2);
    ram.set(U16, offset, (short) value);
    markDirty(offset, 2);
  }

  /** Writes the low 16 bits; a reader that sees them also sees all that was written before. */
  public void writeU16Release(long address, int value) throws GuestAddressException {
    long offset = ramOffset(address, 2);
    ALIGNED_U16.setRelease(ram, offset, (short) value);
    markDirty(offset, 2);
  }

  /** Writes 32 bits. */
  public void writeU32(long address, int value) throws GuestAddressException {
    long offset = ramOffset(address, 4);
    ram.set(U32, offset, value);
    markDirty(offset, 4);
  }

  /** Writes 64 bits. */
  public void writeU64(long address, long value) throws GuestAddressException {
    long offset = ramOffset(address, 8);
    ram.set(U64, offset, value);
    markDirty(offset, 8);
  }

  /** Copies {@code from} into guest memory. */
  public void write(long address, MemorySegment from) throws GuestAddressException {
    long length = from.byteSize();
    long offset = ramOffset(address, length);
    MemorySegment.copy(from, 0, ram, offset, length);
    markDirty(offset, length);
  }

  /** Sets {@code length} bytes of guest memory to zero. */
  public void zero(long address, long length) throws GuestAddressException {
    long offset = ramOffset(address, length);
    ram.asSlice(offset, length).fill((byte) 0);
    markDirty(offset, length);
  }

  /**
   * Makes pages read as zero; they count as written. Host pages that lie wholly in the range are
   * given back to the host; of the others the part in the range is overwritten, which populates
   * them.
   *
   * @param firstPage the first page of {@link #ram}, in 4 KiB units
   * @param pages how many
   * @throws IOException if the kernel refused
   */
  public void discard(long firstPage, long pages) throws IOException {
    long start = firstPage * RamBlock.PAGE_SIZE;
    long end = start + pages * RamBlock.PAGE_SIZE;
    long unit = backing.hostPageSize();
    long wholeStart = (start + unit - 1) & -unit;
    long wholeEnd = end & -unit;
    if (wholeStart < wholeEnd) {
      backing.discard(wholeStart, wholeEnd - wholeStart);
      overwrite(start, wholeStart);
      overwrite(wholeEnd, end);
    } else {
      overwrite(start, end);
    }
    vmmDirty.set(firstPage, pages);
  }

  private void overwrite(long start, long end) {
    ram.asSlice(start, end - start).fill((byte) 0);
  }

  /**
   * Marks bytes of {@link #ram} as written by the VMM.
   *
   * @param ramOffset the first byte
   * @param length how many
   */
  public void markDirty(long ramOffset, long length) {
    if (length > 0) {
      long first = ramOffset / RamBlock.PAGE_SIZE;
      long last = (ramOffset + length - 1) / RamBlock.PAGE_SIZE;
      vmmDirty.set(first, last - first + 1);
    }
  }

  @Override
  public void close() {
    backing.close();
  }
}
