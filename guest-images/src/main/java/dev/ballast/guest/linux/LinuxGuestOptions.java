package dev.ballast.guest.linux;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a Linux guest is made of.
 *
 * @param kernelPackage the distribution's kernel package, or a meta package that depends on it;
 *     ignored when {@code kernel} is given
 * @param kernel a kernel of one's own
 * @param modules a directory with the modules of {@code kernel}; without one, the kernel is taken
 *     to have its virtio drivers built in
 * @param busybox a static x86-64 busybox of one's own
 * @param moduleNames the modules to load, in this order; what they depend on comes by itself
 * @param kexec whether the initramfs holds the kernel too, and what {@link LinuxGuestConsole#kexec}
 *     needs; its size then is that of the kernel and twice its own
 * @param gzip whether to compress the initramfs: smaller, but the guest has to decompress it
 * @param refresh whether to ask the package manager again when there are packages in the cache
 */
public record LinuxGuestOptions(
    String kernelPackage,
    Optional<Path> kernel,
    Optional<Path> modules,
    Optional<Path> busybox,
    List<String> moduleNames,
    boolean kexec,
    boolean gzip,
    boolean refresh) {
  private static final LinuxGuestOptions DEFAULT =
      new LinuxGuestOptions(
          "linux-image-cloud-amd64",
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          List.of("virtio_mmio", "virtio_pci", "virtio_balloon"),
          false,
          false,
          false);

  /** Copies the list. */
  public LinuxGuestOptions {
    moduleNames = List.copyOf(moduleNames);
  }

  /** Returns Debian's cloud kernel with the virtio transports and the balloon driver. */
  public static LinuxGuestOptions defaults() {
    return DEFAULT;
  }

  /** Returns these options with another kernel package. */
  public LinuxGuestOptions withKernelPackage(String name) {
    return new LinuxGuestOptions(name, kernel, modules, busybox, moduleNames, kexec, gzip, refresh);
  }

  /**
   * Returns these options with a kernel of one's own, and the directory of its modules if it has
   * any.
   */
  public LinuxGuestOptions withKernel(Path file, Optional<Path> itsModules) {
    return new LinuxGuestOptions(
        kernelPackage, Optional.of(file), itsModules, busybox, moduleNames, kexec, gzip, refresh);
  }

  /** Returns these options with a busybox of one's own. */
  public LinuxGuestOptions withBusybox(Path file) {
    return new LinuxGuestOptions(
        kernelPackage, kernel, modules, Optional.of(file), moduleNames, kexec, gzip, refresh);
  }

  /** Returns these options with what the guest's command kexec needs, or without. */
  public LinuxGuestOptions withKexec(boolean possible) {
    return new LinuxGuestOptions(
        kernelPackage, kernel, modules, busybox, moduleNames, possible, gzip, refresh);
  }

  /** Returns these options with the initramfs compressed or not. */
  public LinuxGuestOptions withGzip(boolean compress) {
    return new LinuxGuestOptions(
        kernelPackage, kernel, modules, busybox, moduleNames, kexec, compress, refresh);
  }

  /** Returns these options with the package manager asked again or not. */
  public LinuxGuestOptions withRefresh(boolean again) {
    return new LinuxGuestOptions(
        kernelPackage, kernel, modules, busybox, moduleNames, kexec, gzip, again);
  }
}
