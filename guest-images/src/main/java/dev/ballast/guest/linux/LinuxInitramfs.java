package dev.ballast.guest.linux;

import dev.ballast.guest.initramfs.CpioWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The initramfs of the Linux guest: busybox, modules, and the init that counts and answers. */
final class LinuxInitramfs {
  private static final int PROGRAM_HEADERS_AT = 0x20;
  private static final int PROGRAM_HEADER_SIZE = 56;
  private static final int PT_INTERP = 3;
  private static final int MACHINE_X86_64 = 62;

  private LinuxInitramfs() {}

  /**
   * Writes the archive, and closes the stream. Equal input gives equal bytes.
   *
   * @param busybox a static x86-64 executable
   * @param modules in the order in which they are to be loaded
   * @param kernel what the guest can jump to by kexec, with an initramfs that is this one but for
   *     the kernel
   */
  static void write(
      OutputStream out, Path busybox, List<KernelModules.Module> modules, Optional<Path> kernel)
      throws IOException {
    Optional<byte[]> inner = Optional.empty();
    if (kernel.isPresent()) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      write(bytes, busybox, modules, Optional.empty());
      inner = Optional.of(bytes.toByteArray());
    }
    byte[] executable = Files.readAllBytes(busybox);
    checkStatic(busybox, executable);
    try (CpioWriter cpio = new CpioWriter(out, 0)) {
      for (String directory : List.of("bin", "data", "dev", "lib", "proc", "run", "sys")) {
        cpio.directory(directory, 0755);
      }
      // The kernel opens it as init's standard input and output before init can mount a devtmpfs.
      cpio.characterDevice("dev/console", 0600, 5, 1);
      cpio.file("bin/busybox", 0755, executable);
      cpio.symlink("bin/sh", "busybox");
      cpio.file("init", 0755, resource("init"));
      if (kernel.isPresent() && inner.isPresent()) {
        cpio.file("bin/kexec", 0755, resource("kexec"));
        cpio.directory("boot", 0755);
        cpio.file("boot/kernel", 0644, kernel.get());
        cpio.file("boot/initramfs", 0644, inner.get());
      }
      cpio.directory("lib/modules", 0755);
      StringBuilder order = new StringBuilder();
      for (KernelModules.Module module : modules) {
        String file = module.name() + ".ko";
        cpio.file("lib/modules/" + file, 0644, module.content());
        order.append(file).append('\n');
      }
      cpio.file("lib/modules/order", 0644, order.toString().getBytes(StandardCharsets.UTF_8));
    }
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = LinuxInitramfs.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IOException(
            "resource %s is not beside %s".formatted(name, LinuxInitramfs.class.getName()));
      }
      return in.readAllBytes();
    }
  }

  /**
   * A dynamic busybox would make the guest panic with nothing more than "no working init found".
   */
  private static void checkStatic(Path busybox, byte[] content) throws GuestImageException {
    ByteBuffer elf = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    if (content.length < 64
        || elf.getInt(0) != ModuleInfo.ELF_MAGIC
        || elf.get(4) != ModuleInfo.CLASS_64
        || elf.getShort(0x12) != MACHINE_X86_64) {
      throw new GuestImageException(busybox + " is not an x86-64 executable");
    }
    long table = elf.getLong(PROGRAM_HEADERS_AT);
    int count = elf.getShort(0x38) & 0xffff;
    for (int i = 0; i < count; i++) {
      long header = table + (long) i * PROGRAM_HEADER_SIZE;
      if (header < 0 || header > content.length - PROGRAM_HEADER_SIZE) {
        throw new GuestImageException(busybox + " is truncated: its program headers are missing");
      }
      if (elf.getInt((int) header) == PT_INTERP) {
        throw new GuestImageException(
            busybox + " is linked dynamically: give the one of the package busybox-static");
      }
    }
  }
}
