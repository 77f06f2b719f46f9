package dev.ballast.vmm.boot;

import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/**
 * Where things are in the guest's memory when it starts.
 *
 * <pre>
 *   0x0000_0500  GDT for the 64-bit entry
 *   0x0000_6000  hvm_start_info, then module list and memory map (PVH)
 *   0x0000_7000  boot_params, the "zero page" (64-bit entry)
 *   0x0000_9000  page tables for the 64-bit entry, 6 pages
 *   0x0002_0000  command line
 *   0x0009_fc00  end of conventional memory
 *   0x000e_0000  ACPI tables
 *   0x0010_0000  kernel
 *   ...          initial RAM disk, at the end of RAM below the hole, as far as the kernel takes it
 *   0xc000_0000  hole for memory-mapped I/O: virtio at 0xd000_0000, IOAPIC, local APIC
 *   0x1_0000_0000  the rest of RAM
 * </pre>
 */
public final class GuestLayout {
  /** The GDT for the 64-bit entry. */
  public static final long GDT = 0x500;

  /** Its size in bytes: null, unused, 64-bit code at 0x10, data at 0x18. */
  public static final int GDT_SIZE = 32;

  /** {@code hvm_start_info}. */
  public static final long PVH_START_INFO = 0x6000;

  /** {@code boot_params}. */
  public static final long BOOT_PARAMS = 0x7000;

  /** The top page table for the 64-bit entry. */
  public static final long PAGE_TABLES = 0x9000;

  /** The command line, zero terminated. */
  public static final long COMMAND_LINE = 0x2_0000;

  /** The end of conventional memory. */
  public static final long LOW_MEMORY_END = 0x9_fc00;

  /** The end of what firmware keeps below 1 MiB; RAM goes on here. */
  public static final long HIGH_MEMORY = 0x10_0000;

  private GuestLayout() {}

  /**
   * A range of the memory map, as in e820.
   *
   * @param address the first guest physical address
   * @param size in bytes
   * @param type {@link #RAM} or {@link #RESERVED}
   */
  public record Range(long address, long size, int type) {
    /** Usable memory. */
    public static final int RAM = 1;

    /** Kept by the firmware. */
    public static final int RESERVED = 2;
  }

  /**
   * What the VMM has put, or will put, into the guest's memory beside the kernel.
   *
   * @param name for messages
   * @param address the first guest physical address
   * @param size in bytes
   */
  record Part(String name, long address, long size) {
    /** Returns whether a range has a byte of it. */
    boolean overlaps(long start, long length) {
      return length > 0 && start < address + size && address < start + length;
    }
  }

  /** Returns the memory map that a guest with this memory is told, ascending. */
  public static List<Range> memoryMap(GuestMemory memory) {
    List<Range> map = new ArrayList<>();
    map.add(new Range(0, LOW_MEMORY_END, Range.RAM));
    map.add(new Range(LOW_MEMORY_END, HIGH_MEMORY - LOW_MEMORY_END, Range.RESERVED));
    for (MemoryRegion region : memory.regions()) {
      long start = Math.max(region.guestAddress(), HIGH_MEMORY);
      map.add(new Range(start, region.guestEnd() - start, Range.RAM));
    }
    return map;
  }

  /** Returns the end of RAM below the hole. */
  public static long lowRamEnd(GuestMemory memory) {
    return memory.regions().getFirst().guestEnd();
  }
}
