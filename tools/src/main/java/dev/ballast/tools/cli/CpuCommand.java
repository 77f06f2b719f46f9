package dev.ballast.tools.cli;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.tools.host.HostCpuJson;
import dev.ballast.vmm.cpuid.CpuBaseline;
import dev.ballast.vmm.cpuid.CpuLevel;
import dev.ballast.vmm.cpuid.CpuModel;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.HostCpu;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ballast cpu}: the models of processors, and what several hosts have in common. */
@Command(
    name = "cpu",
    description = {
      "Lists the models for 'ballast run --cpu' and which of them this host can offer; or prints"
          + " what several hosts have in common, for 'ballast run --cpu FILE'."
    },
    footer = {
      "",
      "Example: ballast doctor --json > HOST.json    # on each of the hosts",
      "         ballast cpu --common HOST1.json HOST2.json > fleet.cpu",
      "         ballast run --cpu fleet.cpu ..."
    },
    mixinStandardHelpOptions = true)
final class CpuCommand implements Callable<Integer> {
  /** A report of doctor has some 20 KiB. */
  private static final long MAX_REPORT = 4 << 20;

  @Spec private CommandSpec spec;

  @Option(
      names = "--common",
      arity = "1..*",
      paramLabel = "FILE",
      description = "Reports of 'ballast doctor --json' of the hosts.")
  private List<Path> common = List.of();

  @Option(
      names = "--kvm",
      paramLabel = "DEVICE",
      defaultValue = "/dev/kvm",
      description = "Device file of KVM (default: ${DEFAULT-VALUE}).")
  private Path kvm;

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  CpuCommand() {}

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    if (common.isEmpty()) {
      list(out);
    } else {
      out.print(common(common));
    }
    out.flush();
    return 0;
  }

  private void list(PrintWriter out) throws IOException {
    CpuProfile host;
    try (Kvm opened = Kvm.open(kvm)) {
      host = HostCpu.read(opened);
    }
    out.println(CpuModel.HOST_NAME + ": yes, " + host.vendor());
    for (CpuLevel level : CpuLevel.values()) {
      out.println(level.label() + ": " + verdict(level.model(), host));
    }
  }

  private static String verdict(CpuModel model, CpuProfile host) {
    try {
      model.offer(host);
      return "yes";
    } catch (IOException e) {
      return "no, " + e.getMessage();
    }
  }

  private static String common(List<Path> files) throws IOException {
    List<CpuProfile> hosts = new ArrayList<>();
    StringBuilder text =
        new StringBuilder("# What these hosts have in common, for ballast run --cpu:\n");
    for (Path file : files) {
      hosts.add(read(file));
      text.append("#   ").append(file.getFileName()).append('\n');
    }
    try {
      return text + CpuBaseline.common(hosts).text();
    } catch (IllegalArgumentException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  static CpuProfile read(Path file) throws IOException {
    JsonFactory factory =
        JsonFactory.builder()
            .streamReadConstraints(
                StreamReadConstraints.builder().maxDocumentLength(MAX_REPORT).build())
            .build();
    try (InputStream in = Files.newInputStream(file)) {
      return HostCpuJson.parse(new JsonMapper(factory).readTree(in));
    } catch (JacksonException e) {
      throw new IOException(file + ": is no JSON: " + e.getOriginalMessage(), e);
    } catch (IllegalArgumentException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }
}
