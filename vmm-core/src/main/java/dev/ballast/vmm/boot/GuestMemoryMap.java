package dev.ballast.vmm.boot;

import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/** What a guest is told of its memory, and what lies in it when it starts. */
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

  /** Returns the end of RAM below the hole. */
  public static long lowRamEnd(GuestMemory memory) {
    return memory.regions().getFirst().guestEnd();
  }
}
