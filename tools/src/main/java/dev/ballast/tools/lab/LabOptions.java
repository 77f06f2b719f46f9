package dev.ballast.tools.lab;

import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The options of a lab.
 *
 * @param cpu which CPU level 1 has
 * @param memoryMib memory of level 1 in MiB, 512 to what {@code cpu} allows; guests of level 2 live
 *     in it
 * @param cpus virtual CPUs of level 1, 1 to what {@code cpu} allows
 * @param copyIn directories of the host whose copies appear under {@code /in/NAME}, read-only; at
 *     most {@value #MAX_COPY_IN}, with different names
 * @param timeout after which the lab is stopped, counted from its start
 * @param environment variables that commands see, besides PATH, HOME and BALLAST_OUT
 * @param progress called with a line for each step that takes long
 */
public record LabOptions(
    LabCpu cpu,
    int memoryMib,
    int cpus,
    List<Path> copyIn,
    Duration timeout,
    Map<String, String> environment,
    Consumer<String> progress) {
  /** How many directories can be copied in. */
  public static final int MAX_COPY_IN = 16;

  /** The most virtual CPUs, with the CPU that allows most. */
  public static final int MAX_CPUS = 64;

  /** The least memory, in MiB. */
  public static final int MIN_MEMORY_MIB = 512;

  /** The most memory, in MiB, with the CPU that allows most. */
  public static final int MAX_MEMORY_MIB = 1 << 20;

  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  /** Checks the bounds. */
  public LabOptions {
    require(
        memoryMib >= MIN_MEMORY_MIB && memoryMib <= cpu.maxMemoryMib(),
        "%d MiB of memory with an %s CPU: with %s it has %d to %d"
            .formatted(
                memoryMib, cpu.title(), cpu.emulatorTitle(), MIN_MEMORY_MIB, cpu.maxMemoryMib()));
    require(
        cpus >= 1 && cpus <= cpu.maxCpus(),
        "%d %s CPUs: %s emulates 1 to %d"
            .formatted(cpus, cpu.title(), cpu.emulatorTitle(), cpu.maxCpus()));
    require(timeout.isPositive(), "a timeout of " + timeout);
    require(copyIn.size() <= MAX_COPY_IN, copyIn.size() + " directories to copy in");
    Set<String> names = new HashSet<>();
    for (Path directory : copyIn) {
      require(names.add(copyInName(directory)), "a second directory " + copyInName(directory));
    }
    for (String name : environment.keySet()) {
      require(VARIABLE.matcher(name).matches(), "an environment variable '" + name + "'");
    }
    copyIn = List.copyOf(copyIn);
    environment = Map.copyOf(environment);
  }

  /**
   * Returns what memory, CPUs and time a lab with such a CPU has unless it is told otherwise;
   * nothing copied in, and no progress reports.
   */
  public static LabOptions defaults(LabCpu cpu) {
    return new LabOptions(
        cpu,
        cpu.defaultMemoryMib(),
        cpu.defaultCpus(),
        List.of(),
        cpu.defaultTimeout(),
        Map.of(),
        line -> {});
  }

  /** Returns these options with other memory, in MiB. */
  public LabOptions withMemoryMib(int mib) {
    return new LabOptions(cpu, mib, cpus, copyIn, timeout, environment, progress);
  }

  /** Returns these options with another number of CPUs. */
  public LabOptions withCpus(int count) {
    return new LabOptions(cpu, memoryMib, count, copyIn, timeout, environment, progress);
  }

  /** Returns these options with other directories to copy in. */
  public LabOptions withCopyIn(List<Path> directories) {
    return new LabOptions(cpu, memoryMib, cpus, directories, timeout, environment, progress);
  }

  /** Returns these options with another timeout. */
  public LabOptions withTimeout(Duration limit) {
    return new LabOptions(cpu, memoryMib, cpus, copyIn, limit, environment, progress);
  }

  /** Returns these options with another environment. */
  public LabOptions withEnvironment(Map<String, String> variables) {
    return new LabOptions(cpu, memoryMib, cpus, copyIn, timeout, variables, progress);
  }

  /** Returns these options with another listener for progress. */
  public LabOptions withProgress(Consumer<String> listener) {
    return new LabOptions(cpu, memoryMib, cpus, copyIn, timeout, environment, listener);
  }

  /** Returns the NAME of {@code /in/NAME} under which a directory appears in the lab. */
  public static String copyInName(Path directory) {
    Path name = directory.toAbsolutePath().normalize().getFileName();
    if (name == null) {
      throw new IllegalArgumentException("the lab cannot have " + directory + " copied in");
    }
    return name.toString();
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalArgumentException("the lab cannot have " + what);
    }
  }
}
