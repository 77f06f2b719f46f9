package dev.ballast.vmm.boot;

import dev.ballast.vmm.acpi.AcpiImage;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a kernel, its command line and its initial RAM disk into guest memory, with the boot
 * structures that point to them. {@link AddressMap} says where.
 */
public final class KernelLoader {
  private static final Logger log = LoggerFactory.getLogger(KernelLoader.class);
  private static final long PAGE = 4096;

  private KernelLoader() {}

  /**
   * Where something was put.
   *
   * @param address the guest physical address
   * @param size in bytes
   */
  record Placed(long address, long size) {}

  /**
   * Loads a kernel. Everything else in guest memory stays.
   *
   * @param memory guest RAM
   * @param config what to load
   * @param acpi the ACPI tables, which are in guest RAM already
   * @return how to enter it
   * @throws KernelFormatException if a file is malformed or does not fit
   * @throws IOException if a file cannot be read
   */
  public static BootEntry load(GuestMemory memory, KernelConfig config, AcpiImage acpi)
      throws IOException {
    String name = config.kernel().toString();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment file = map(arena, config.kernel());
      return switch (config.mode()) {
        case AUTO -> {
          if (ElfImage.looksLike(file)) {
            yield loadElf(arena, memory, config, ElfImage.parse(name, file), acpi);
          }
          BzImage image = parseImage(name, file);
          KernelPayload.Compression compression = KernelPayload.Compression.of(image.payload());
          yield compression != null && compression.isSupported()
              ? loadElf(arena, memory, config, decompress(arena, image), acpi)
              : loadImage(arena, memory, config, image, acpi);
        }
        case BZIMAGE -> loadImage(arena, memory, config, parseImage(name, file), acpi);
        case ELF ->
            loadElf(
                arena,
                memory,
                config,
                ElfImage.looksLike(file)
                    ? ElfImage.parse(name, file)
                    : decompress(arena, parseImage(name, file)),
                acpi);
      };
    } catch (GuestAddressException e) {
      throw new KernelFormatException(name + ": " + e.getMessage());
    }
  }

  /**
   * Checks that the files are there and can be read, but not their content.
   *
   * @throws IOException if one cannot
   */
  public static void checkReadable(KernelConfig config) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      map(arena, config.kernel());
      if (config.initrd().isPresent()) {
        map(arena, config.initrd().get());
      }
    }
  }

  /**
   * Returns whether a file is a Linux kernel: a bzImage, or an ELF file with a note of Linux's, as
   * every vmlinux since 4.19 has. Other ELF files are bare guests, or older.
   *
   * @throws IOException if it cannot be read
   */
  public static boolean isLinux(Path kernel) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment file = map(arena, kernel);
      return BzImage.looksLike(file)
          || (ElfImage.looksLike(file) && ElfImage.hasNoteOf(file, "Linux"));
    }
  }

  private static BzImage parseImage(String name, MemorySegment file) throws KernelFormatException {
    if (!BzImage.looksLike(file)) {
      throw new KernelFormatException(
          name
              + ": neither a bzImage (\"HdrS\" at 0x202) nor an ELF file (0x7f \"ELF\" at 0):"
              + " expected a Linux kernel for x86-64, or a bare guest");
    }
    return BzImage.parse(name, file);
  }

  private static ElfImage decompress(Arena arena, BzImage image) throws KernelFormatException {
    return ElfImage.parse(image.name() + " (payload)", KernelPayload.decompress(image, arena));
  }

  private static BootEntry loadElf(
      Arena arena, GuestMemory memory, KernelConfig config, ElfImage elf, AcpiImage acpi)
      throws IOException, GuestAddressException {
    boolean pvh = elf.pvhEntry().isPresent();
    List<GuestMemoryMap.Part> taken = new ArrayList<>();
    taken.add(new GuestMemoryMap.Part("ACPI tables", acpi.base(), acpi.bytes().length));
    taken.add(
        new GuestMemoryMap.Part(
            "command line", AddressMap.COMMAND_LINE, KernelConfig.MAX_COMMAND_LINE + 1));
    if (pvh) {
      taken.add(PvhStartInfo.PART);
    } else {
      taken.add(LinuxBootParams.PART);
      taken.addAll(LongModeTables.PARTS);
    }
    long end = elf.load(memory, taken);
    Placed initrd = placeInitrd(arena, memory, config, end, AddressMap.HIGH_RAM);
    writeCommandLine(memory, config, KernelConfig.MAX_COMMAND_LINE);
    if (pvh) {
      long entry = elf.pvhEntry().getAsLong();
      log.debug("{}: entered by PVH at 0x{}", elf.name(), Long.toHexString(entry));
      PvhStartInfo.write(memory, initrd, acpi.rsdpAddress());
      return new BootEntry.Pvh(entry, AddressMap.PVH_START_INFO);
    }
    long entry = elf.physicalEntry();
    log.info(
        "{}: has no PVH note, and is entered in 64-bit mode at e_entry, 0x{}",
        elf.name(),
        Long.toHexString(entry));
    LinuxBootParams.write(memory, Optional.empty(), initrd, acpi.rsdpAddress());
    LongModeTables.write(memory);
    return new BootEntry.Linux64(entry, AddressMap.BOOT_PARAMS);
  }

  private static BootEntry loadImage(
      Arena arena, GuestMemory memory, KernelConfig config, BzImage image, AcpiImage acpi)
      throws IOException, GuestAddressException {
    long end = image.load(memory);
    Placed initrd = placeInitrd(arena, memory, config, end, image.initrdLimit());
    writeCommandLine(
        memory, config, Math.min(KernelConfig.MAX_COMMAND_LINE, image.commandLineLimit()));
    LinuxBootParams.write(memory, Optional.of(image), initrd, acpi.rsdpAddress());
    LongModeTables.write(memory);
    long entry = image.loadAddress() + BzImage.ENTRY_64;
    log.debug("{}: entered in 64-bit mode at 0x{}", image.name(), Long.toHexString(entry));
    return new BootEntry.Linux64(entry, AddressMap.BOOT_PARAMS);
  }

  private static MemorySegment map(Arena arena, Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      if (!Files.isRegularFile(file)) {
        throw new IOException(file + ": not a regular file");
      }
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (NoSuchFileException e) {
      throw new IOException(file + ": no such file", e);
    } catch (AccessDeniedException e) {
      throw new IOException(file + ": permission denied", e);
    }
  }

  private static void writeCommandLine(GuestMemory memory, KernelConfig config, long limit)
      throws KernelFormatException, GuestAddressException {
    byte[] bytes = commandLineBytes(config);
    if (bytes.length > limit) {
      throw new KernelFormatException(
          "the command line for %s has %d bytes, expected at most %d"
              .formatted(config.kernel(), bytes.length, limit));
    }
    memory.write(AddressMap.COMMAND_LINE, MemorySegment.ofArray(bytes));
    memory.writeU8(AddressMap.COMMAND_LINE + bytes.length, 0);
  }

  /** Any byte goes but 0, which ends the command line (boot.rst, "The Kernel Command Line"). */
  private static byte[] commandLineBytes(KernelConfig config) throws KernelFormatException {
    String commandLine = config.commandLine();
    int end = commandLine.indexOf('\0');
    if (end >= 0) {
      throw new KernelFormatException(
          "the command line for %s has a 0 at %d, which would end it"
              .formatted(config.kernel(), end));
    }
    byte[] bytes = commandLine.getBytes(StandardCharsets.UTF_8);
    // Java reads what it cannot decode as U+FFFD, and writes what it cannot encode as '?'.
    int undecoded = commandLine.indexOf('\ufffd');
    if (undecoded >= 0 || !new String(bytes, StandardCharsets.UTF_8).equals(commandLine)) {
      throw new KernelFormatException(
          ("the command line for %s has bytes that are not text in the encoding %s: write it in"
                  + " UTF-8, and set a locale of UTF-8 (LC_ALL=C.UTF-8)")
              .formatted(config.kernel(), System.getProperty("sun.jnu.encoding")));
    }
    return bytes;
  }

  /** Puts the initial RAM disk as high as it may be, and above the kernel. */
  private static Placed placeInitrd(
      Arena arena, GuestMemory memory, KernelConfig config, long kernelEnd, long limit)
      throws IOException, GuestAddressException {
    if (config.initrd().isEmpty()) {
      return new Placed(0, 0);
    }
    Path file = config.initrd().get();
    MemorySegment initrd = map(arena, file);
    long size = initrd.byteSize();
    long bottom = Math.max(kernelEnd, AddressMap.HIGH_MEMORY);
    long highest = Math.min(limit, AddressMap.MMIO_HOLE);
    long top = Math.min(highest, GuestMemoryMap.lowRamEnd(memory));
    long address = (top - size) & -PAGE;
    if (address < bottom) {
      String what =
          "%s: 0x%x bytes do not fit between the kernel's end at 0x%x and 0x%x; "
              .formatted(file, size, bottom, top);
      throw new KernelFormatException(
          size > highest - bottom
              ? what
                  + ("make it smaller: this kernel finds it up to 0x%x only, however much memory"
                          + " the guest has")
                      .formatted(highest)
              : what + "give the guest more memory");
    }
    memory.write(address, initrd);
    return new Placed(address, initrd.byteSize());
  }
}
