package dev.ballast.vmm.boot;

import static dev.ballast.vmm.memory.LittleEndian.U16;
import static dev.ballast.vmm.memory.LittleEndian.U32;
import static dev.ballast.vmm.memory.LittleEndian.U64;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.ballast.ffi.linux.BootParams;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;

/**
 * A bzImage (Linux {@code Documentation/arch/x86/boot.rst}, boot protocol 2.12 or newer): real-mode
 * setup code with the setup header, then the protected-mode kernel, in which lies the compressed
 * vmlinux, the payload. Nothing in the file is trusted.
 *
 * @param name the file, for messages
 * @param setupHeader the setup header, as long as it fits into {@code boot_params}
 * @param protectedMode the protected-mode kernel
 * @param payload the compressed vmlinux in it
 * @param has64BitEntry whether it can be entered at its 64-bit entry ({@code XLF_KERNEL_64})
 * @param loadAddress {@code pref_address}, the guest physical address it prefers to be loaded at
 * @param memoryNeeded {@code init_size}, the bytes of memory it needs from there on before it reads
 *     the memory map
 * @param commandLineLimit {@code cmdline_size}, the longest command line in bytes
 * @param initrdLimit the first guest physical address past where the initial RAM disk may lie: 4
 *     GiB with {@code XLF_CAN_BE_LOADED_ABOVE_4G}, since {@code initrd_addr_max} is then lower than
 *     what the kernel takes; it may lie above that, too, but not if it is entered by PVH
 */
public record BzImage(
    String name,
    MemorySegment setupHeader,
    MemorySegment protectedMode,
    MemorySegment payload,
    boolean has64BitEntry,
    long loadAddress,
    long memoryNeeded,
    long commandLineLimit,
    long initrdLimit) {
  /** The 64-bit entry, in bytes from the start of the protected-mode kernel. */
  public static final long ENTRY_64 = 0x200;

  private static final int SECTOR = 512;
  private static final int PARAGRAPH = 16;
  private static final int DEFAULT_SETUP_SECTORS = 4;
  private static final int BOOT_FLAG = 0xaa55;

  /** The protocol that has {@code xloadflags}, of Linux 3.8. */
  private static final int OLDEST_VERSION = 0x020c;

  /** The end of {@code init_size}, the last field of protocol 2.12 that is used here. */
  private static final int SMALLEST_HEADER_END = BootParams.INIT_SIZE + 4;

  /** Where {@code boot_params} goes on with something else ({@code edd_mbr_sig_buffer}). */
  private static final int LARGEST_HEADER_END = 0x290;

  /** Returns whether a file has the magic number of a bzImage. */
  public static boolean looksLike(MemorySegment file) {
    return file.byteSize() >= SMALLEST_HEADER_END
        && file.get(U32, BootParams.HEADER) == BootParams.HEADER_MAGIC;
  }

  /**
   * Reads the setup header.
   *
   * @param name the file, for messages
   * @param file the whole file; the result refers to it
   * @throws KernelFormatException if the file is not a bzImage, is too old, or is truncated
   */
  public static BzImage parse(String name, MemorySegment file) throws KernelFormatException {
    if (!looksLike(file)) {
      throw new KernelFormatException(
          name
              + ": not a bzImage: \"HdrS\" is not at 0x202, or the file is shorter than its"
              + " header");
    }
    int bootFlag = u16(file, BootParams.BOOT_FLAG);
    if (bootFlag != BOOT_FLAG) {
      throw wrong(name, "boot_flag", bootFlag, "0xaa55");
    }
    int version = u16(file, BootParams.VERSION);
    if (version < OLDEST_VERSION) {
      throw wrong(name, "boot protocol version", version, "0x20c (Linux 3.8) or newer");
    }
    int loadFlags = file.get(JAVA_BYTE, BootParams.LOADFLAGS) & 0xff;
    if ((loadFlags & BootParams.LOADED_HIGH) == 0) {
      throw wrong(name, "loadflags", loadFlags, "LOADED_HIGH (bit 0): this is a zImage");
    }
    int sectors = file.get(JAVA_BYTE, BootParams.SETUP_SECTS) & 0xff;
    long setupSize = (1L + (sectors == 0 ? DEFAULT_SETUP_SECTORS : sectors)) * SECTOR;
    long protectedSize = u32(file, BootParams.SYSSIZE) * PARAGRAPH;
    // syssize is rounded up: the last paragraph may be cut.
    long available = file.byteSize() - setupSize;
    if (protectedSize <= ENTRY_64 || protectedSize - available >= PARAGRAPH) {
      throw wrong(
          name,
          "syssize",
          protectedSize / PARAGRAPH,
          "0x21 to 0x%x paragraphs, as the file has 0x%x bytes: is it truncated?"
              .formatted(Math.max(0, available / PARAGRAPH), file.byteSize()));
    }
    MemorySegment protectedMode = file.asSlice(setupSize, Math.min(protectedSize, available));
    // boot.rst, "Details of Header Fields": the header ends where the jump at its start lands.
    int headerEnd = BootParams.JUMP + 2 + (file.get(JAVA_BYTE, BootParams.JUMP + 1) & 0xff);
    if (headerEnd < SMALLEST_HEADER_END) {
      throw wrong(name, "jump over the header", headerEnd, "to 0x264 or further");
    }
    long payloadOffset = u32(file, BootParams.PAYLOAD_OFFSET);
    long payloadLength = u32(file, BootParams.PAYLOAD_LENGTH);
    if (payloadOffset > protectedMode.byteSize()
        || payloadLength > protectedMode.byteSize() - payloadOffset) {
      throw wrong(
          name,
          "end of the payload",
          payloadOffset + payloadLength,
          "at most 0x%x, the protected-mode kernel's size".formatted(protectedMode.byteSize()));
    }
    int xloadflags = u16(file, BootParams.XLOADFLAGS);
    return new BzImage(
        name,
        file.asSlice(
            BootParams.SETUP_HEADER,
            Math.min(headerEnd, LARGEST_HEADER_END) - BootParams.SETUP_HEADER),
        protectedMode,
        protectedMode.asSlice(payloadOffset, payloadLength),
        (xloadflags & BootParams.XLF_KERNEL_64) != 0,
        file.get(U64, BootParams.PREF_ADDRESS),
        u32(file, BootParams.INIT_SIZE),
        u32(file, BootParams.CMDLINE_SIZE),
        (xloadflags & BootParams.XLF_CAN_BE_LOADED_ABOVE_4G) != 0
            ? AddressMap.HIGH_RAM
            : u32(file, BootParams.INITRD_ADDR_MAX) + 1);
  }

  /**
   * Copies the protected-mode kernel to {@link #loadAddress}.
   *
   * @return the guest physical address after the last byte that it needs
   * @throws KernelFormatException if it has no 64-bit entry, or what it needs is not RAM from 1 MiB
   *     on
   */
  public long load(GuestMemory memory) throws KernelFormatException {
    if (!has64BitEntry) {
      throw new KernelFormatException(
          name + ": xloadflags lacks XLF_KERNEL_64: not a 64-bit kernel");
    }
    long needed = Math.max(memoryNeeded, protectedMode.byteSize());
    if (Long.compareUnsigned(loadAddress, AddressMap.HIGH_MEMORY) < 0) {
      throw wrong(name, "pref_address", loadAddress, "0x100000 or more");
    }
    try {
      memory.ramOffset(loadAddress, needed);
      memory.write(loadAddress, protectedMode);
    } catch (GuestAddressException _) {
      throw new KernelFormatException(
          ("%s: needs 0x%x bytes at 0x%x (init_size, pref_address), and the guest has 0x%x bytes"
                  + " of RAM: give it more memory")
              .formatted(name, needed, loadAddress, memory.size()));
    }
    return loadAddress + needed;
  }

  private static int u16(MemorySegment file, int field) {
    return file.get(U16, field) & 0xffff;
  }

  private static long u32(MemorySegment file, int field) {
    return Integer.toUnsignedLong(file.get(U32, field));
  }

  private static KernelFormatException wrong(
      String name, String field, long value, String expected) {
    return new KernelFormatException(
        "%s: %s is 0x%x, expected %s".formatted(name, field, value, expected));
  }
}
