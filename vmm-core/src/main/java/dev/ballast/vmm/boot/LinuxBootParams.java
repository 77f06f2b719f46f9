package dev.ballast.vmm.boot;

import dev.ballast.ffi.linux.BootParams;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Writes {@code struct boot_params}, the zero page (Linux {@code boot.rst} and {@code
 * zero-page.rst}).
 */
final class LinuxBootParams {
  private static final int LOADER_WITHOUT_NUMBER = 0xff;
  private static final int VIDEO_MODE_NORMAL = 0xffff;
  private static final int BOOT_FLAG = 0xaa55;
  private static final int VERSION = 0x020f;
  private static final int KERNEL_ALIGNMENT = 2 << 20;

  static final GuestMemoryMap.Part PART =
      new GuestMemoryMap.Part("boot_params", AddressMap.BOOT_PARAMS, BootParams.SIZE);

  private LinuxBootParams() {}

  /**
   * Writes it to {@link AddressMap#BOOT_PARAMS}.
   *
   * @param memory guest RAM
   * @param image the bzImage whose setup header is passed on; without one a header is made up
   * @param initrd the initial RAM disk; of size 0 when there is none
   * @param rsdp the guest physical address of the ACPI root pointer
   */
  static void write(
      GuestMemory memory, Optional<BzImage> image, KernelLoader.Placed initrd, long rsdp)
      throws GuestAddressException {
    long page = AddressMap.BOOT_PARAMS;
    memory.zero(page, BootParams.SIZE);
    if (image.isPresent()) {
      MemorySegment setupHeader = image.get().setupHeader();
      memory.write(page + BootParams.SETUP_HEADER, setupHeader);
      memory.writeU32(page + BootParams.CODE32_START, (int) image.get().loadAddress());
      memory.writeU64(page + BootParams.SETUP_DATA, 0);
    } else {
      memory.writeU16(page + BootParams.BOOT_FLAG, BOOT_FLAG);
      memory.writeU32(page + BootParams.HEADER, BootParams.HEADER_MAGIC);
      memory.writeU16(page + BootParams.VERSION, VERSION);
      memory.writeU8(page + BootParams.LOADFLAGS, BootParams.LOADED_HIGH);
      memory.writeU32(page + BootParams.KERNEL_ALIGNMENT, KERNEL_ALIGNMENT);
      memory.writeU32(page + BootParams.CMDLINE_SIZE, KernelConfig.MAX_COMMAND_LINE);
    }
    memory.writeU8(page + BootParams.TYPE_OF_LOADER, LOADER_WITHOUT_NUMBER);
    memory.writeU16(page + BootParams.VID_MODE, VIDEO_MODE_NORMAL);
    memory.writeU32(page + BootParams.CMD_LINE_PTR, (int) AddressMap.COMMAND_LINE);
    memory.writeU32(page + BootParams.RAMDISK_IMAGE, (int) initrd.address());
    memory.writeU32(page + BootParams.RAMDISK_SIZE, (int) initrd.size());
    memory.writeU64(page + BootParams.ACPI_RSDP_ADDR, rsdp);

    List<GuestMemoryMap.Range> ranges = GuestMemoryMap.memoryMap(memory);
    memory.writeU8(page + BootParams.E820_ENTRIES, ranges.size());
    long entry = page + BootParams.E820_TABLE;
    for (GuestMemoryMap.Range range : ranges) {
      memory.writeU64(entry + BootParams.E820_ENTRY_ADDRESS, range.address());
      memory.writeU64(entry + BootParams.E820_ENTRY_LENGTH, range.size());
      memory.writeU32(entry + BootParams.E820_ENTRY_TYPE, range.type());
      entry += BootParams.E820_ENTRY_SIZE;
    }
  }
}
