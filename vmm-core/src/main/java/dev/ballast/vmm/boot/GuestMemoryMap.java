package dev.ballast.vmm.boot;

import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/** The memory map that a guest is given, and what the VMM places in its memory before it starts. */
public final class GuestMemoryMap {
  private GuestMemoryMap() {}

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

    /** Reserved: not usable as RAM. */
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
    /** Returns whether a range has a byte in common with it. */
    boolean overlaps(long start, long length) {
      return length > 0 && start < address + size && address < start + length;
    }
  }

  /** Returns the memory map for a guest with this memory, ascending. */
  public static List<Range> memoryMap(GuestMemory memory) {
    List<Range> map = new ArrayList<>();
    map.add(new Range(0, AddressMap.LOW_MEMORY_END, Range.RAM));
    map.add(
        new Range(
            AddressMap.LOW_MEMORY_END,
            AddressMap.HIGH_MEMORY - AddressMap.LOW_MEMORY_END,
            Range.RESERVED));
    for (MemoryRegion region : memory.regions()) {
      long start = Math.max(region.guestAddress(), AddressMap.HIGH_MEMORY);
      map.add(new Range(start, region.guestEnd() - start, Range.RAM));
    }
    return map;
  }

  /** Returns the guest physical address after the last byte of RAM below the MMIO hole. */
  public static long lowRamEnd(GuestMemory memory) {
    return memory.regions().getFirst().guestEnd();
  }
}
