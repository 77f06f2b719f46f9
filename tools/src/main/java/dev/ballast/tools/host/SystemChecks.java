package dev.ballast.tools.host;

import dev.ballast.vmm.memory.HostNodes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Findings about kernel, processor and memory. */
final class SystemChecks {
  private static final long MIB = 1 << 20;

  /** The demo's memory at its peak, guests and JVMs together, in MiB. */
  private static final long COMFORTABLE_MIB = 4096;

  private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB");
  private static final Path TRANSPARENT = Path.of("/sys/kernel/mm/transparent_hugepage");
  private static final String MAX_HOLES = "khugepaged/max_ptes_none";
  private static final Path OVERCOMMIT = Path.of("/proc/sys/vm/overcommit_memory");
  private static final Pattern CHOSEN = Pattern.compile("\\[([a-z]+)]");

  private SystemChecks() {}

  static List<Finding> all() {
    HostSystem host = HostSystem.current();
    List<Finding> findings = new ArrayList<>();
    findings.add(
        check(
            "kernel",
            () ->
                Finding.ok(
                    "kernel", "Linux " + host.kernelRelease() + ", " + host.distribution())));
    findings.add(check("processor", () -> processor(host.processors())));
    findings.add(check("memory", () -> memory(host.memory())));
    findings.add(
        hugePages(
            read(HUGE_PAGES.resolve("nr_hugepages")), read(HUGE_PAGES.resolve("free_hugepages"))));
    findings.add(
        transparentHugePages(
            read(TRANSPARENT.resolve("enabled")), read(TRANSPARENT.resolve(MAX_HOLES))));
    findings.add(check("NUMA nodes", () -> nodes(HostNodes.current())));
    findings.add(overcommit(read(OVERCOMMIT)));
    return findings;
  }

  /** A check that reads files of the kernel. */
  @FunctionalInterface
  private interface Check {
    Finding find() throws IOException;
  }

  private static Finding check(String name, Check check) {
    try {
      return check.find();
    } catch (IOException e) {
      return Finding.warn(name, "cannot be told: " + e.getMessage(), "mount /proc and /sys");
    }
  }

  private static Finding processor(HostSystem.Processors processors) {
    return Finding.ok(
        "processor",
        "%s, %d logical in %d cores"
            .formatted(processors.name(), processors.logical(), processors.cores()));
  }

  private static Finding memory(HostSystem.Memory memory) {
    long available = memory.availableBytes() / MIB;
    String summary =
        String.format(
            Locale.ROOT, "%d MiB, %d MiB available", memory.totalBytes() / MIB, available);
    return available >= COMFORTABLE_MIB
        ? Finding.ok("memory", summary)
        : Finding.warn(
            "memory",
            summary,
            "the demo and the lab take up to "
                + COMFORTABLE_MIB
                + " MiB: free some, or give --memory a smaller size");
  }

  static Finding hugePages(Optional<String> total, Optional<String> free) {
    if (total.isEmpty() || free.isEmpty()) {
      return Finding.ok("huge pages", "the kernel has none of 2 MiB; 4 KiB pages are used");
    }
    return Finding.ok("huge pages", total.get() + " of 2 MiB, " + free.get() + " free");
  }

  /** One each 2 MiB: guests are asked for them, but the kernel also makes them by itself. */
  static Finding transparentHugePages(Optional<String> choices, Optional<String> maxHoles) {
    Matcher chosen = CHOSEN.matcher(choices.orElse("[unknown]"));
    String mode = chosen.find() ? chosen.group(1) : "unknown";
    String name = "transparent huge pages";
    String holes = maxHoles.orElse("0");
    return switch (mode) {
      case "never" ->
          Finding.warn(
              name,
              "never: guests have pages of 4 KiB, and are slower",
              "as root: echo madvise > " + TRANSPARENT.resolve("enabled"));
      case "always", "madvise" ->
          holes.equals("0")
              ? Finding.ok(name, mode)
              : Finding.warn(
                  name,
                  "%s; khugepaged fills up to %s gaps of 4 KiB to make one: memory of a balloon comes back"
                      .formatted(mode, holes),
                  "as root: echo 0 > " + TRANSPARENT.resolve(MAX_HOLES));
      default -> Finding.ok(name, mode);
    };
  }

  static Finding nodes(HostNodes host) {
    String name = "NUMA nodes";
    if (host.nodes().size() < 2) {
      return Finding.ok(name, "one");
    }
    return Finding.ok(
        name,
        host.nodes().stream()
            .map(
                node ->
                    "%d: %d MiB, CPUs %s".formatted(node.number(), node.bytes() / MIB, node.cpus()))
            .collect(Collectors.joining("; ")));
  }

  static Finding overcommit(Optional<String> mode) {
    return mode.orElse("0").equals("2")
        ? Finding.warn(
            "overcommit",
            "strict: guests cannot be larger than what the kernel commits",
            "for large guests, as root: sysctl vm.overcommit_memory=0")
        : Finding.ok("overcommit", mode.map(value -> "mode " + value).orElse("unknown"));
  }

  /**
   * Returns the first line of a file of the kernel, or nothing where this kernel does not have it.
   */
  private static Optional<String> read(Path file) {
    try {
      return Files.readString(file).lines().findFirst();
    } catch (IOException _) {
      return Optional.empty();
    }
  }
}
