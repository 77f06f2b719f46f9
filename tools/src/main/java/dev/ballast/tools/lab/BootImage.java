package dev.ballast.tools.lab;

import dev.ballast.guest.initramfs.CpioWriter;
import dev.ballast.guest.linux.KernelModules;
import dev.ballast.guest.linux.LinuxGuest;
import dev.ballast.tools.lab.bochs.SerialMultiplexer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The initramfs of level 1: busybox, kernel modules, and an init that runs what the host sends. How
 * it does that depends on the emulator, whose devices differ.
 */
final class BootImage {
  private static final List<String> DIRECTORIES =
      List.of(
          "bin", "dev", "etc", "lib", "modules", "opt", "out", "proc", "root", "run", "sys", "tmp");

  /** Disks first: the rest of level 1 is on them. The last one makes {@code /dev/kvm}. */
  private static final List<String> QEMU_MODULES =
      List.of("virtio_pci", "virtio_blk", "virtio_console", "ext4", "overlay", "kvm_amd");

  private static final List<String> BOCHS_MODULES =
      List.of("ata_piix", "sd_mod", "loop", "ext4", "overlay", "kvm_intel");

  private BootImage() {}

  /** Makes the initramfs, or finds it in the cache. */
  static Path prepare(ImageCache cache, LinuxGuest guest, LabCpu cpu) throws IOException {
    Path modules =
        guest
            .modules()
            .orElseThrow(() -> new LabException("the lab needs a kernel with its modules"));
    KernelModules all = new KernelModules(modules);
    byte[] archive =
        switch (cpu) {
          case AMD ->
              archive(
                  guest.busybox(), all.loadOrder(QEMU_MODULES), "ports-virtio", Optional.empty());
          case INTEL ->
              archive(
                  guest.busybox(),
                  all.loadOrder(BOCHS_MODULES),
                  "ports-serial",
                  Optional.of(SerialMultiplexer.program()));
        };
    return cache
        .get(
            "boot",
            new ContentKey().add(archive).hex(),
            directory -> Files.write(directory.resolve("initramfs"), archive))
        .resolve("initramfs");
  }

  private static byte[] archive(
      Path busybox,
      List<KernelModules.Module> modules,
      String portsScript,
      Optional<byte[]> multiplexer)
      throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (CpioWriter cpio = new CpioWriter(bytes, 0)) {
      for (String directory : DIRECTORIES) {
        cpio.directory(directory, 0755);
      }
      // Nodes for the first moments, before devtmpfs is there.
      cpio.characterDevice("dev/console", 0600, 5, 1);
      cpio.file("bin/busybox", 0755, busybox);
      if (multiplexer.isPresent()) {
        cpio.file("bin/multiplexer", 0755, multiplexer.get());
      }
      cpio.file("init", 0755, resource("init"));
      cpio.file("etc/ports", 0644, resource(portsScript));
      cpio.file("etc/passwd", 0644, text("root:x:0:0:root:/root:/bin/sh\n"));
      cpio.file("etc/group", 0644, text("root:x:0:\n"));
      cpio.file("etc/os-release", 0644, text("ID=ballast-lab\nPRETTY_NAME=\"Ballast lab\"\n"));
      cpio.file("etc/hosts", 0644, text("127.0.0.1 localhost lab\n"));
      // Dynamic programs look for their interpreter and libraries here.
      Path libraries = RuntimeImage.MOUNT_POINT.resolve("lib64");
      cpio.symlink("lib64", libraries.toString());
      cpio.symlink("lib/x86_64-linux-gnu", libraries.toString());
      StringBuilder order = new StringBuilder();
      for (KernelModules.Module module : modules) {
        cpio.file("modules/" + module.name() + ".ko", 0644, module.content());
        order.append(module.name()).append('\n');
      }
      cpio.file("modules/order", 0644, text(order.toString()));
    }
    return bytes.toByteArray();
  }

  private static byte[] text(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = BootImage.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException("resource " + name + " is missing from the build");
      }
      return in.readAllBytes();
    }
  }
}
