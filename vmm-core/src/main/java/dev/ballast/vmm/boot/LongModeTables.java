package dev.ballast.vmm.boot;

import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.util.List;

/**
 * Writes what the 64-bit entry needs beside the kernel (Linux {@code boot.rst}, "64-bit Boot
 * Protocol"): page tables that map the first 4 GiB to themselves in 2 MiB pages, and a GDT with
 * {@code __BOOT_CS} (0x10) and {@code __BOOT_DS} (0x18).
 */
final class LongModeTables {
  private static final long PAGE = 4096;
  private static final long LARGE_PAGE = 2 << 20;
  private static final int ENTRIES = 512;
  private static final int DIRECTORIES = 4;
  private static final long PRESENT_WRITABLE = 0b11;
  private static final long LARGE = 1 << 7;

  /** Flat, 64-bit, ring 0, execute and read, accessed. */
  private static final long CODE_64 = 0x00af_9b00_0000_ffffL;

  /** Flat, ring 0, read and write, accessed. */
  private static final long DATA = 0x00cf_9300_0000_ffffL;

  static final List<GuestMemoryMap.Part> PARTS =
      List.of(
          new GuestMemoryMap.Part("GDT", AddressMap.GDT, AddressMap.GDT_SIZE),
          new GuestMemoryMap.Part("page tables", AddressMap.PAGE_TABLES, (2 + DIRECTORIES) * PAGE));

  private LongModeTables() {}

  /** Writes to {@link AddressMap#PAGE_TABLES}, 6 pages, and to {@link AddressMap#GDT}. */
  static void write(GuestMemory memory) throws GuestAddressException {
    long pointers = AddressMap.PAGE_TABLES + PAGE;
    long directories = pointers + PAGE;
    memory.zero(AddressMap.PAGE_TABLES, 2 * PAGE);
    memory.writeU64(AddressMap.PAGE_TABLES, pointers | PRESENT_WRITABLE);
    for (int i = 0; i < DIRECTORIES; i++) {
      memory.writeU64(pointers + i * 8L, (directories + i * PAGE) | PRESENT_WRITABLE);
    }
    for (int i = 0; i < DIRECTORIES * ENTRIES; i++) {
      memory.writeU64(directories + i * 8L, i * LARGE_PAGE | PRESENT_WRITABLE | LARGE);
    }
    memory.zero(AddressMap.GDT, AddressMap.GDT_SIZE);
    memory.writeU64(AddressMap.GDT + 0x10, CODE_64);
    memory.writeU64(AddressMap.GDT + 0x18, DATA);
  }
}
