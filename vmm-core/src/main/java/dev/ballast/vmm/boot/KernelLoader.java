package dev.ballast.vmm.boot;

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
import java.util.Optional;

/**
 * Puts a kernel, its command line and its initial RAM disk into guest memory, and what tells the
 * kernel of them. See {@link GuestLayout} for where.
 */
public final class KernelLoader {
  private static final long PAGE = 4096;

  /** {@code initrd_addr_max} of all kernels of today, plus one. */
  private static final long INITRD_LIMIT = 0x8000_0000L;

  private KernelLoader() {}

  /**
   * Where something was put.
   *
   * @param address the guest physical address
   * @param size in bytes
   */
  record Placed(long address, long size) {}

  /**
   * Loads a kernel. What else there is in guest memory stays.
   *
   * @param memory guest RAM
   * @param config what to load
   * @param rsdp the guest physical address of the ACPI root pointer
   * @return how to enter it
   * @throws KernelFormatException if a file is malformed or does not fit
   * @throws IOException if a file cannot be read
   */
  public static BootEntry load(GuestMemory memory, KernelConfig config, long rsdp)
      throws IOException {
    String name = config.kernel().toString();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment file = map(arena, config.kernel());
      return switch (config.mode()) {
        case AUTO -> {
          if (ElfImage.looksLike(file)) {
            yield loadElf(arena, memory, config, ElfImage.parse(name, file), rsdp);
          }
          BzImage image = parseImage(name, file);
          KernelPayload.Compression compression = KernelPayload.Compression.of(image.payload());
          yield compression != null && compression.isSupported()
              ? loadElf(arena, memory, config, decompress(arena, image), rsdp)
              : loadImage(arena, memory, config, image, rsdp);
        }
        case BZIMAGE -> loadImage(arena, memory, config, parseImage(name, file), rsdp);
        case ELF ->
            loadElf(
                arena,
                memory,
                config,
                ElfImage.looksLike(file)
                    ? ElfImage.parse(name, file)
                    : decompress(arena, parseImage(name, file)),
                rsdp);
      };
    } catch (GuestAddressException e) {
      throw new KernelFormatException(name + ": " + e.getMessage());
    }
  }

  /**
   * Looks whether the files are there and can be read, not what is in them.
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
      Arena arena, GuestMemory memory, KernelConfig config, ElfImage elf, long rsdp)
      throws IOException, GuestAddressException {
    long end = elf.load(memory);
    Placed initrd = placeInitrd(arena, memory, config, end, INITRD_LIMIT);
    writeCommandLine(memory, config, KernelConfig.MAX_COMMAND_LINE);
    if (elf.pvhEntry().isPresent()) {
      PvhStartInfo.write(memory, initrd, rsdp);
      return new BootEntry.Pvh(elf.pvhEntry().getAsLong(), GuestLayout.PVH_START_INFO);
    }
    LinuxBootParams.write(memory, Optional.empty(), initrd, rsdp);
    LongModeTables.write(memory);
    return new BootEntry.Linux64(elf.physicalEntry(), GuestLayout.BOOT_PARAMS);
  }

  private static BootEntry loadImage(
      Arena arena, GuestMemory memory, KernelConfig config, BzImage image, long rsdp)
      throws IOException, GuestAddressException {
    long end = image.load(memory);
    Placed initrd =
        placeInitrd(arena, memory, config, end, Math.min(INITRD_LIMIT, image.initrdLimit()));
    writeCommandLine(
        memory, config, Math.min(KernelConfig.MAX_COMMAND_LINE, image.commandLineLimit()));
    LinuxBootParams.write(memory, Optional.of(image), initrd, rsdp);
    LongModeTables.write(memory);
    return new BootEntry.Linux64(image.loadAddress() + BzImage.ENTRY_64, GuestLayout.BOOT_PARAMS);
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
    String commandLine = config.commandLine();
    if (commandLine.length() > limit) {
      throw new KernelFormatException(
          String.format(
              "the command line for %s has %d bytes, expected at most %d",
              config.kernel(), commandLine.length(), limit));
    }
    for (int i = 0; i < commandLine.length(); i++) {
      char character = commandLine.charAt(i);
      if (character < ' ' || character > '~') {
        throw new KernelFormatException(
            String.format(
                "the command line for %s has the character 0x%x at %d, expected printable ASCII",
                config.kernel(), (int) character, i));
      }
    }
    byte[] bytes = (commandLine + '\0').getBytes(StandardCharsets.US_ASCII);
    memory.write(GuestLayout.COMMAND_LINE, MemorySegment.ofArray(bytes));
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
    long top = Math.min(limit, GuestLayout.lowRamEnd(memory));
    long address = (top - initrd.byteSize()) & -PAGE;
    if (address < kernelEnd) {
      throw new KernelFormatException(
          String.format(
              "%s: 0x%x bytes do not fit between the kernel's end at 0x%x and 0x%x; give the guest"
                  + " more memory",
              file, initrd.byteSize(), kernelEnd, top));
    }
    memory.write(address, initrd);
    return new Placed(address, initrd.byteSize());
  }
}
