package dev.ballast.vmm.boot;

import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Puts a kernel, its command line and its initial RAM disk into guest memory. */
public final class KernelLoader {
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
   * Loads a kernel.
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
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment kernel = map(arena, config.kernel());
      ElfImage elf = ElfImage.parse(config.kernel().toString(), kernel);
      long end = elf.load(memory);
      Placed initrd = placeInitrd(arena, memory, config, end);
      writeCommandLine(memory, config.commandLine());
      PvhStartInfo.write(memory, initrd, rsdp);
      return new BootEntry.Pvh(
          elf.pvhEntry()
              .orElseThrow(
                  () -> new KernelFormatException(config.kernel() + ": no PVH entry note")),
          GuestLayout.PVH_START_INFO);
    } catch (GuestAddressException e) {
      throw new KernelFormatException(config.kernel() + ": " + e.getMessage());
    }
  }

  private static MemorySegment map(Arena arena, Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (NoSuchFileException e) {
      throw new IOException(file + ": no such file", e);
    }
  }

  private static void writeCommandLine(GuestMemory memory, String commandLine)
      throws KernelFormatException, GuestAddressException {
    byte[] bytes = (commandLine + '\0').getBytes(StandardCharsets.US_ASCII);
    if (bytes.length > KernelConfig.MAX_COMMAND_LINE + 1) {
      throw new KernelFormatException(
          "command line is "
              + (bytes.length - 1)
              + " bytes long, the limit is "
              + KernelConfig.MAX_COMMAND_LINE);
    }
    memory.write(GuestLayout.COMMAND_LINE, MemorySegment.ofArray(bytes));
  }

  /** Puts the initial RAM disk at the end of RAM below the hole, and above the kernel. */
  private static Placed placeInitrd(
      Arena arena, GuestMemory memory, KernelConfig config, long kernelEnd)
      throws IOException, GuestAddressException {
    if (config.initrd().isEmpty()) {
      return new Placed(0, 0);
    }
    Path file = config.initrd().get();
    MemorySegment initrd = map(arena, file);
    long address = (GuestLayout.lowRamEnd(memory) - initrd.byteSize()) & -PAGE;
    if (address < kernelEnd) {
      throw new KernelFormatException(
          String.format(
              "%s: %d bytes do not fit between the kernel's end at 0x%x and the end of RAM at 0x%x;"
                  + " give the guest more memory",
              file, initrd.byteSize(), kernelEnd, GuestLayout.lowRamEnd(memory)));
    }
    memory.write(address, initrd);
    return new Placed(address, initrd.byteSize());
  }
}
