package dev.ballast.vmm.boot;

import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.util.List;

/**
 * Writes {@code hvm_start_info} version 1 and its tables (Xen {@code arch-x86/hvm/start_info.h}).
 */
final class PvhStartInfo {
  private static final int MAGIC = 0x336ec578;
  private static final int SIZE = 56;
  private static final int MODULE_SIZE = 32;
  private static final int MEMORY_MAP_ENTRY_SIZE = 24;

  /** All of it lies in one page. */
  static final GuestMemoryMap.Part PART =
      new GuestMemoryMap.Part("hvm_start_info", AddressMap.PVH_START_INFO, 4096);

  private PvhStartInfo() {}

  /**
   * Writes it to {@link AddressMap#PVH_START_INFO}.
   *
   * @param memory guest RAM
   * @param initrd the initial RAM disk; of size 0 when there is none
   * @param rsdp the guest physical address of the ACPI root pointer
   */
  static void write(GuestMemory memory, KernelLoader.Placed initrd, long rsdp)
      throws GuestAddressException {
    long modules = AddressMap.PVH_START_INFO + SIZE + 8;
    long map = modules + MODULE_SIZE;
    List<GuestMemoryMap.Range> ranges = GuestMemoryMap.memoryMap(memory);
    boolean hasInitrd = initrd.size() > 0;
    long at = AddressMap.PVH_START_INFO;
    memory.writeU32(at, MAGIC);
    memory.writeU32(at + 4, 1);
    memory.writeU32(at + 8, 0);
    memory.writeU32(at + 12, hasInitrd ? 1 : 0);
    memory.writeU64(at + 16, hasInitrd ? modules : 0);
    memory.writeU64(at + 24, AddressMap.COMMAND_LINE);
    memory.writeU64(at + 32, rsdp);
    memory.writeU64(at + 40, map);
    memory.writeU32(at + 48, ranges.size());
    memory.writeU32(at + 52, 0);
    memory.writeU64(modules, initrd.address());
    memory.writeU64(modules + 8, initrd.size());
    memory.writeU64(modules + 16, 0);
    memory.writeU64(modules + 24, 0);
    for (int i = 0; i < ranges.size(); i++) {
      long entry = map + (long) i * MEMORY_MAP_ENTRY_SIZE;
      memory.writeU64(entry, ranges.get(i).address());
      memory.writeU64(entry + 8, ranges.get(i).size());
      memory.writeU32(entry + 16, ranges.get(i).type());
      memory.writeU32(entry + 20, 0);
    }
  }
}
