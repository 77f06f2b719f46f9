package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.bare.BareGuest;
import dev.ballast.guest.linux.LinuxGuest;
import dev.ballast.guest.linux.LinuxGuestOptions;
import dev.ballast.tools.host.UserCache;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ballast image}: prepares a guest and says where it is. */
@Command(
    name = "image",
    description = {
      "Prepares a Linux guest, an unmodified Debian kernel and an initramfs, and prints where its"
          + " files are. Packages are downloaded with apt-get, without installing them.",
      "The guest's init counts on the serial console and takes commands there."
    },
    footer = {"", "Example: ballast image; then ballast run with what it prints."},
    mixinStandardHelpOptions = true)
final class ImageCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(
      names = "--cache",
      paramLabel = "DIR",
      description = "Where to keep it (default: guests in Ballast's directory in ~/.cache).")
  private Path cache = UserCache.guests();

  @Option(
      names = "--kernel-package",
      paramLabel = "NAME",
      description = "Package of the kernel (default: ${DEFAULT-VALUE}).",
      defaultValue = "linux-image-cloud-amd64")
  private String kernelPackage;

  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description = "A kernel of your own; needs its virtio drivers built in, or --modules.")
  private @Nullable Path kernel;

  @Option(names = "--modules", paramLabel = "DIR", description = "The modules of --kernel.")
  private @Nullable Path modules;

  @Option(names = "--gzip", description = "Compress the initramfs.")
  private boolean gzip;

  @Option(names = "--refresh", description = "Ask the package manager for newer packages.")
  private boolean refresh;

  @Option(
      names = "--bare",
      paramLabel = "FILE",
      description =
          "Write the bare test guest, an ELF kernel without an operating system, instead.")
  private @Nullable Path bare;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  ImageCommand() {}

  @Override
  public Integer call() throws IOException {
    if (modules != null && kernel == null) {
      throw new ParameterException(spec.commandLine(), "--modules goes with --kernel");
    }
    ObjectNode files = QmpClient.arguments();
    if (bare != null) {
      files.put("kernel", BareGuest.writeTo(bare).toAbsolutePath().toString());
    } else {
      LinuxGuest guest =
          LinuxGuest.prepare(cache, options(), line -> System.err.println("ballast: " + line));
      files
          .put("kernel", guest.kernel().toString())
          .put("initrd", guest.initramfs().toString())
          .put("cmdline", LinuxGuest.COMMAND_LINE)
          .put("release", guest.release());
    }
    if (json) {
      System.out.println(files.toPrettyString());
    } else {
      files
          .properties()
          .forEach(e -> System.out.printf("%-8s %s%n", e.getKey(), e.getValue().asText()));
    }
    return 0;
  }

  private LinuxGuestOptions options() {
    LinuxGuestOptions options =
        LinuxGuestOptions.defaults()
            .withKernelPackage(kernelPackage)
            .withGzip(gzip)
            .withRefresh(refresh);
    return kernel == null ? options : options.withKernel(kernel, Optional.ofNullable(modules));
  }
}
