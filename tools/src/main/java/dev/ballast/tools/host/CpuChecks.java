package dev.ballast.tools.host;

import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.vmm.cpuid.CpuFeature;
import dev.ballast.vmm.cpuid.CpuLevel;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.HostCpu;
import dev.ballast.vmm.cpuid.LeftOut;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Findings about the processor that guests are offered. */
final class CpuChecks {
  private CpuChecks() {}

  /** Returns what this host's KVM can offer; empty if it cannot be used. */
  static Optional<CpuProfile> read() {
    try (Kvm kvm = Kvm.open()) {
      return Optional.of(HostCpu.read(kvm));
    } catch (ErrnoException _) {
      // The finding about KVM says why.
      return Optional.empty();
    }
  }

  static List<Finding> all(CpuProfile host) {
    return List.of(models(host), leftOut(host));
  }

  private static Finding models(CpuProfile host) {
    String levels =
        Stream.concat(
                Stream.of("host"),
                Arrays.stream(CpuLevel.values())
                    .filter(level -> isOffered(level, host))
                    .map(CpuLevel::label))
            .collect(Collectors.joining(", "));
    return Finding.ok(
        "cpu models",
        "%s, with %d bits of physical addresses (run --cpu; 'ballast cpu' tells more)"
            .formatted(levels, host.physicalAddressBits()));
  }

  private static boolean isOffered(CpuLevel level, CpuProfile host) {
    try {
      level.model().offer(host);
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  private static Finding leftOut(CpuProfile host) {
    String addable = names(host, true);
    String never = names(host, false);
    StringJoiner summary = new StringJoiner("; ");
    if (!addable.isEmpty()) {
      summary.add(addable + ": with --cpu host,+NAME");
    }
    if (!never.isEmpty()) {
      summary.add(never + ": never, they could not move");
    }
    return Finding.ok("cpu features left out", summary.length() == 0 ? "none" : summary.toString());
  }

  private static String names(CpuProfile host, boolean addable) {
    return Arrays.stream(LeftOut.values())
        .filter(group -> group.isAddable() == addable)
        .flatMap(group -> group.features().stream())
        .filter(feature -> feature.isIn(host.cpuid()))
        .map(CpuFeature::name)
        .collect(Collectors.joining(", "));
  }
}
