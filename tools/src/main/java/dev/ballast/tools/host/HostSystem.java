package dev.ballast.tools.host;

import dev.ballast.ffi.linux.NumberSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * This host's kernel, processors and memory, read from the files of /proc, /sys and /etc. Any
 * thread.
 */
public final class HostSystem {
  private static final int KIB = 1 << 10;

  private final Path root;

  HostSystem(Path root) {
    this.root = root;
  }

  /** Returns the host that this program runs on. */
  public static HostSystem current() {
    return new HostSystem(Path.of("/"));
  }

  /**
   * Processors, as in {@code /proc/cpuinfo}.
   *
   * @param name what the first calls itself
   * @param logical how many the kernel schedules on
   * @param cores how many cores they share
   */
  public record Processors(String name, int logical, int cores) {}

  /**
   * Memory, as in {@code /proc/meminfo}.
   *
   * @param totalBytes all that the kernel has
   * @param availableBytes what programs can have without swapping
   */
  public record Memory(long totalBytes, long availableBytes) {}

  /** Returns the release of the kernel, as {@code uname -r}. */
  public String kernelRelease() throws IOException {
    return Files.readString(root.resolve("proc/sys/kernel/osrelease")).strip();
  }

  /** Returns the distribution's name and version, as os-release(5) has it for people. */
  public String distribution() throws IOException {
    Path file = root.resolve("etc/os-release");
    if (!Files.exists(file)) {
      file = root.resolve("usr/lib/os-release");
    }
    String name = fields(Files.readAllLines(file), "=").getOrDefault("PRETTY_NAME", "Linux");
    return name.replace("\"", "").replace("'", "");
  }

  /** Returns the processors. */
  public Processors processors() throws IOException {
    List<String> lines = Files.readAllLines(root.resolve("proc/cpuinfo"));
    Set<String> cores = new HashSet<>();
    int logical = 0;
    String socket = "";
    for (String line : lines) {
      int colon = line.indexOf(':');
      switch (colon < 0 ? "" : line.substring(0, colon).strip()) {
        case "processor" -> logical++;
        case "physical id" -> socket = line.substring(colon + 1).strip();
        case "core id" -> cores.add(socket + "/" + line.substring(colon + 1).strip());
        default -> {}
      }
    }
    String name = fields(lines, ":").getOrDefault("model name", "unknown");
    return new Processors(name, logical, cores.isEmpty() ? logical : cores.size());
  }

  /** Returns the numbers of the processors that are online. */
  public NumberSet onlineCpus() throws IOException {
    Path file = root.resolve("sys/devices/system/cpu/online");
    try {
      return NumberSet.parse(Files.readString(file).strip());
    } catch (IllegalArgumentException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  /** Returns the memory. */
  public Memory memory() throws IOException {
    Map<String, String> fields = fields(Files.readAllLines(root.resolve("proc/meminfo")), ":");
    return new Memory(bytes(fields, "MemTotal"), bytes(fields, "MemAvailable"));
  }

  /** Returns how many processes wanted to run on average, in the last minute. */
  public double load() throws IOException {
    return Double.parseDouble(Files.readString(root.resolve("proc/loadavg")).split(" ", 2)[0]);
  }

  private static long bytes(Map<String, String> fields, String field) throws IOException {
    String value = fields.getOrDefault(field, "").replace(" kB", "");
    try {
      return Math.multiplyExact(Long.parseLong(value), KIB);
    } catch (ArithmeticException | NumberFormatException e) {
      throw new IOException("/proc/meminfo: " + field + " is '" + value + "', expected kB", e);
    }
  }

  /** Returns the first value of each field. */
  private static Map<String, String> fields(List<String> lines, String separator) {
    Map<String, String> fields = new HashMap<>();
    for (String line : lines) {
      int at = line.indexOf(separator);
      if (at > 0) {
        fields.putIfAbsent(line.substring(0, at).strip(), line.substring(at + 1).strip());
      }
    }
    return fields;
  }
}
