package dev.ballast.tools.lab.bochs;

import dev.ballast.ffi.linux.BootParams;
import dev.ballast.vmm.boot.BzImage;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * A raw disk that boots Linux without a boot loader, which would take long on an emulated CPU: a
 * boot sector of ours, {@code boot_params} and the command line, the kernel, the initramfs. After
 * them come file systems and a place for what the machine writes.
 *
 * @param file the disk
 * @param appended where on the disk the appended file systems begin, in bytes
 * @param out where the place for output begins, in bytes: zeros up to the end
 * @param size of the disk in bytes
 */
public record BootDisk(Path file, List<Long> appended, long out, long size) {
  private static final int SECTOR = 512;
  private static final long MIB = 1 << 20;

  /** The geometry that Bochs assumes: the disk must be whole cylinders of it. */
  private static final long CYLINDER = 16 * 63 * SECTOR;

  /** Where the boot sector has its table; the partition table, which stays empty, ends it. */
  private static final int TABLE = 0x180;

  private static final int TABLE_END = 446;

  /** Guest-physical addresses: below what the BIOS keeps for itself, above where it loads us. */
  private static final int BOOT_PARAMS = 0x10000;

  private static final int COMMAND_LINE = BOOT_PARAMS + 0x1000;
  private static final int COMMAND_LINE_SPACE = 0x1000;

  private static final long INITRAMFS_ALIGNMENT = 2 * MIB;

  /** Type of a boot loader without a number. */
  private static final byte UNDEFINED_LOADER = (byte) 0xff;

  private static final int RAM = 1;
  private static final int RESERVED = 2;
  private static final int ACPI = 3;
  private static final int LOW_RAM_END = 0x9fc00;
  private static final int LOW_RAM_LIMIT = 0xa0000;
  private static final int BIOS = 0xe8000;

  /** Bochs's BIOS has its ACPI tables in the last 64 KiB of RAM. */
  private static final int ACPI_TABLES = 1 << 16;

  /** What the boot sector reads: sectors of the disk, and the address where they go. */
  private record Extent(long sectors, long first, long address) {}

  /**
   * Writes a disk.
   *
   * @param file created, readable by its owner only if its directory is
   * @param kernel a bzImage
   * @param memoryMib memory of the machine in MiB; the kernel is told of it
   * @param append file system images to be copied behind the initramfs
   * @param outBytes room for what the machine writes, in bytes
   * @throws dev.ballast.vmm.boot.KernelFormatException if the kernel is none that can be booted so
   * @throws IOException if a file cannot be read or written, or memory is too small for the files
   */
  public static BootDisk write(
      Path file,
      Path kernel,
      String commandLine,
      Path initramfs,
      int memoryMib,
      List<Path> append,
      long outBytes)
      throws IOException {
    BzImage image =
        BzImage.parse(kernel.toString(), MemorySegment.ofArray(Files.readAllBytes(kernel)));
    long initramfsSize = Files.size(initramfs);
    long initramfsAddress =
        roundUp(image.loadAddress() + image.memoryNeeded(), INITRAMFS_ALIGNMENT);
    if (initramfsAddress + initramfsSize > memoryMib * MIB - ACPI_TABLES) {
      throw new IOException(
          "%s and %s do not fit into %d MiB".formatted(kernel, initramfs, memoryMib));
    }
    ByteBuffer params = parameters(image, commandLine, initramfsAddress, initramfsSize, memoryMib);
    try (FileChannel disk =
        FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      List<Extent> extents = new ArrayList<>();
      long at = SECTOR;
      extents.add(extent(at, params.remaining(), BOOT_PARAMS));
      at = writeAll(disk, params, at);
      ByteBuffer code = image.protectedMode().asByteBuffer();
      extents.add(extent(at, code.remaining(), image.loadAddress()));
      at = writeAll(disk, code, at);
      extents.add(extent(at, initramfsSize, initramfsAddress));
      at = copy(initramfs, disk, at);
      List<Long> appended = new ArrayList<>();
      for (Path fileSystem : append) {
        at = roundUp(at, MIB);
        appended.add(at);
        at = copy(fileSystem, disk, at);
      }
      long out = roundUp(at, MIB);
      long size = roundUp(out + outBytes, CYLINDER);
      writeAll(disk, ByteBuffer.allocate(1), size - 1);
      writeAll(disk, bootSector(extents, image.loadAddress()), 0);
      return new BootDisk(file, List.copyOf(appended), out, size);
    }
  }

  private static Extent extent(long at, long bytes, long address) {
    return new Extent(roundUp(bytes, SECTOR) / SECTOR, at / SECTOR, address);
  }

  /** Returns {@code boot_params} and the command line, which the machine finds behind it. */
  private static ByteBuffer parameters(
      BzImage image, String commandLine, long initramfs, long initramfsSize, int memoryMib)
      throws IOException {
    ByteBuffer page =
        ByteBuffer.allocate(COMMAND_LINE - BOOT_PARAMS + COMMAND_LINE_SPACE)
            .order(ByteOrder.LITTLE_ENDIAN);
    page.put(BootParams.SETUP_HEADER, image.setupHeader().toArray(ValueLayout.JAVA_BYTE));
    page.put(BootParams.TYPE_OF_LOADER, UNDEFINED_LOADER);
    page.putInt(BootParams.CODE32_START, Math.toIntExact(image.loadAddress()));
    page.putInt(BootParams.RAMDISK_IMAGE, (int) initramfs);
    page.putInt(BootParams.RAMDISK_SIZE, (int) initramfsSize);
    page.putInt(BootParams.CMD_LINE_PTR, COMMAND_LINE);
    byte[] text = commandLine.getBytes(StandardCharsets.US_ASCII);
    if (text.length >= COMMAND_LINE_SPACE || text.length > image.commandLineLimit()) {
      throw new IOException("a kernel command line of " + text.length + " bytes is too long");
    }
    page.put(COMMAND_LINE - BOOT_PARAMS, text);
    memoryMap(page, memoryMib * MIB);
    return page;
  }

  /** Writes the map that Bochs's BIOS would return (INT 15h, AX=E820h). */
  private static void memoryMap(ByteBuffer page, long memory) {
    long[][] ranges = {
      {0, LOW_RAM_END, RAM},
      {LOW_RAM_END, LOW_RAM_LIMIT, RESERVED},
      {BIOS, MIB, RESERVED},
      {MIB, memory - ACPI_TABLES, RAM},
      {memory - ACPI_TABLES, memory, ACPI},
    };
    page.put(BootParams.E820_ENTRIES, (byte) ranges.length);
    int entry = BootParams.E820_TABLE;
    for (long[] range : ranges) {
      page.putLong(entry + BootParams.E820_ENTRY_ADDRESS, range[0]);
      page.putLong(entry + BootParams.E820_ENTRY_LENGTH, range[1] - range[0]);
      page.putInt(entry + BootParams.E820_ENTRY_TYPE, (int) range[2]);
      entry += BootParams.E820_ENTRY_SIZE;
    }
  }

  private static ByteBuffer bootSector(List<Extent> extents, long entry) throws IOException {
    byte[] code;
    try (InputStream in = BootDisk.class.getResourceAsStream("boot-sector")) {
      if (in == null) {
        throw new IllegalStateException("resource boot-sector is missing from the build");
      }
      code = in.readAllBytes();
    }
    ByteBuffer sector = ByteBuffer.wrap(code).order(ByteOrder.LITTLE_ENDIAN);
    sector.limit(TABLE_END).position(TABLE);
    for (Extent extent : extents) {
      sector.putInt((int) extent.sectors());
      sector.putInt((int) extent.first());
      sector.putInt((int) extent.address());
    }
    sector.putInt(0).putInt(BOOT_PARAMS).putInt((int) entry);
    return sector.clear();
  }

  private static long roundUp(long value, long unit) {
    return Math.ceilDiv(value, unit) * unit;
  }

  /** Writes a buffer and returns the address of the sector after it. */
  private static long writeAll(FileChannel disk, ByteBuffer bytes, long at) throws IOException {
    long position = at;
    while (bytes.hasRemaining()) {
      position += disk.write(bytes, position);
    }
    return roundUp(position, SECTOR);
  }

  /** Copies a file and returns the address of the sector after it. */
  private static long copy(Path from, FileChannel disk, long at) throws IOException {
    try (FileChannel in = FileChannel.open(from)) {
      long size = in.size();
      long copied = 0;
      disk.position(at);
      while (copied < size) {
        long count = in.transferTo(copied, size - copied, disk);
        if (count <= 0) {
          throw new IOException(from + " became shorter while it was copied");
        }
        copied += count;
      }
      return roundUp(at + size, SECTOR);
    }
  }
}
