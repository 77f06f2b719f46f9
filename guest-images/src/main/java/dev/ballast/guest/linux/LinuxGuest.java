package dev.ballast.guest.linux;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

/**
 * An unmodified distribution kernel and an initramfs of ours, ready to boot. The init in it counts
 * on the serial console and answers the commands of {@link LinuxGuestConsole}.
 *
 * @param kernel a bzImage (or what the user gave)
 * @param initramfs a cpio archive, possibly compressed
 * @param release what the guest's {@code uname -r} says, or {@code unknown} if the kernel does not
 *     tell
 * @param modules the directory of the kernel's modules, if it has one
 * @param busybox the static busybox
 */
public record LinuxGuest(
    Path kernel, Path initramfs, String release, Optional<Path> modules, Path busybox) {
  /** The least command line: where the kernel's console is, and not to log to it. */
  public static final String COMMAND_LINE = "console=ttyS0 quiet";

  private static final String BUSYBOX_PACKAGE = "busybox-static";
  private static final int BOOT_HEADER_MAGIC = 0x53726448;
  private static final int BOOT_HEADER_MAGIC_AT = 0x202;
  private static final int KERNEL_VERSION_AT = 0x20e;

  /**
   * Makes a guest, or finds it in the cache. The first time, packages are downloaded with apt-get
   * (which needs no root and installs nothing); after that it takes some milliseconds and no
   * network.
   *
   * <p>Any thread, and any number of processes on one cache.
   *
   * @param cacheDirectory created if missing
   * @param progress told, a line each, about what takes long
   * @throws GuestImageException with one line that says what to do, whatever goes wrong
   */
  public static LinuxGuest prepare(
      Path cacheDirectory, LinuxGuestOptions options, Consumer<String> progress)
      throws GuestImageException {
    try {
      PackageCache cache = new PackageCache(cacheDirectory);
      AptPackages apt = new AptPackages(cache.root(), progress);
      Path busybox = busybox(options, cache, apt, progress);
      Path kernel;
      Optional<Path> modules;
      if (options.kernel().isPresent()) {
        kernel = options.kernel().get();
        modules = options.modules();
        if (!Files.isRegularFile(kernel)) {
          throw new GuestImageException("there is no kernel " + kernel);
        }
      } else {
        Path unpacked =
            cache.unpacked(
                options.kernelPackage(),
                options.refresh(),
                LinuxGuest::isOfKernel,
                progress,
                work -> apt.download(apt.resolveKernel(options.kernelPackage()), work));
        kernel = onlyEntry(unpacked.resolve("boot"), options.kernelPackage());
        Path merged = unpacked.resolve("usr/lib/modules");
        modules =
            Optional.of(
                onlyEntry(
                    Files.isDirectory(merged) ? merged : unpacked.resolve("lib/modules"),
                    options.kernelPackage()));
      }
      Path initramfs = cacheInitramfs(cache, options, busybox, kernel, modules);
      return new LinuxGuest(kernel, initramfs, release(kernel, modules), modules, busybox);
    } catch (GuestImageException e) {
      throw e;
    } catch (IOException e) {
      throw new GuestImageException(
          "cannot make a Linux guest in "
              + cacheDirectory
              + " ("
              + describe(e)
              + "): is there a writable directory with 200 MiB to spare?",
          e);
    }
  }

  private static Path busybox(
      LinuxGuestOptions options, PackageCache cache, AptPackages apt, Consumer<String> progress)
      throws IOException {
    if (options.busybox().isPresent()) {
      return options.busybox().get();
    }
    Path unpacked =
        cache.unpacked(
            BUSYBOX_PACKAGE,
            options.refresh(),
            path -> path.equals("bin/busybox") || path.equals("usr/bin/busybox"),
            progress,
            work -> apt.download(BUSYBOX_PACKAGE, work));
    Path merged = unpacked.resolve("usr/bin/busybox");
    return Files.exists(merged) ? merged : unpacked.resolve("bin/busybox");
  }

  private static Path cacheInitramfs(
      PackageCache cache,
      LinuxGuestOptions options,
      Path busybox,
      Path kernel,
      Optional<Path> modules)
      throws IOException {
    List<KernelModules.Module> order =
        modules.isPresent()
            ? new KernelModules(modules.get()).loadOrder(options.moduleNames())
            : List.of();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (OutputStream out = options.gzip() ? new GZIPOutputStream(bytes) : bytes) {
      LinuxInitramfs.write(
          out, busybox, order, options.kexec() ? Optional.of(kernel) : Optional.empty());
    }
    return cache.keep("initramfs", options.gzip() ? ".cpio.gz" : ".cpio", bytes.toByteArray());
  }

  private static boolean isOfKernel(String path) {
    return path.startsWith("boot/vmlinuz-")
        || path.startsWith("lib/modules/")
        || path.startsWith("usr/lib/modules/");
  }

  private static Path onlyEntry(Path directory, String packageName) throws IOException {
    if (Files.isDirectory(directory)) {
      try (Stream<Path> entries = Files.list(directory)) {
        List<Path> found = entries.toList();
        if (found.size() == 1) {
          return found.getFirst();
        }
      }
    }
    throw new GuestImageException(
        "package "
            + packageName
            + " holds no kernel: name the package of a kernel image, or give your own kernel");
  }

  /** Reads the version string of a bzImage (boot.rst, kernel_version); other kernels have none. */
  private static String release(Path kernel, Optional<Path> modules) throws IOException {
    ByteBuffer head = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
    try (SeekableByteChannel channel = Files.newByteChannel(kernel)) {
      while (head.hasRemaining() && channel.read(head) >= 0) {}
    }
    head.flip();
    if (head.limit() > KERNEL_VERSION_AT + 2
        && head.getInt(BOOT_HEADER_MAGIC_AT) == BOOT_HEADER_MAGIC) {
      int start = (head.getShort(KERNEL_VERSION_AT) & 0xffff) + 0x200;
      int end = start;
      while (end < head.limit() && head.get(end) > ' ') {
        end++;
      }
      if (end > start) {
        return new String(head.array(), start, end - start, StandardCharsets.US_ASCII);
      }
    }
    return modules.map(directory -> directory.getFileName().toString()).orElse("unknown");
  }

  private static String describe(IOException e) {
    // The message of a FileSystemException is often just the path.
    return e.getClass().getSimpleName().replace("Exception", "") + ": " + e.getMessage();
  }
}
