package dev.ballast.tools.lab;

import dev.ballast.tools.host.LabPackages;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Which maker's CPU, and with it which virtualisation extensions, the lab has. */
public enum LabCpu {
  /** SVM, emulated by QEMU. */
  AMD("AMD", "QEMU", LabPackages.QEMU, LabOptions.MAX_CPUS, LabOptions.MAX_MEMORY_MIB, 1),

  /** VMX with EPT, emulated by Bochs, which emulates one CPU only. */
  INTEL("Intel", "Bochs", LabPackages.BOCHS, 1, 1400, 6);

  private static final int USUAL_CPUS = 2;
  private static final int USUAL_MEMORY_MIB = 3072;
  private static final Duration USUAL_TIMEOUT = Duration.ofMinutes(10);

  private final String title;
  private final String emulatorTitle;
  private final String emulator;
  private final int maxCpus;
  private final int maxMemoryMib;
  private final int slowness;

  LabCpu(
      String title,
      String emulatorTitle,
      String emulator,
      int maxCpus,
      int maxMemoryMib,
      int slowness) {
    this.title = title;
    this.emulatorTitle = emulatorTitle;
    this.emulator = emulator;
    this.maxCpus = maxCpus;
    this.maxMemoryMib = maxMemoryMib;
    this.slowness = slowness;
  }

  /** Returns the maker. */
  String title() {
    return title;
  }

  /** Returns the name of what emulates it. */
  String emulatorTitle() {
    return emulatorTitle;
  }

  /** Returns the program that emulates it. */
  String emulator() {
    return emulator;
  }

  /** Returns what the user should know before a lab is started, in one line. */
  Optional<String> announcement() {
    return switch (this) {
      case AMD -> Optional.empty();
      case INTEL ->
          Optional.of(
              "Bochs emulates the Intel CPU: about 30 s until the command starts, and what it does"
                  + " takes long, a Linux guest's boot some two minutes");
    };
  }

  /** Returns the programs and files of the host that a lab with it needs. */
  public List<String> programs() {
    return switch (this) {
      case AMD -> LabPackages.AMD_LAB;
      case INTEL -> LabPackages.INTEL_LAB;
    };
  }

  /** Returns the most virtual CPUs of level 1. */
  public int maxCpus() {
    return maxCpus;
  }

  /** Returns the most memory of level 1, in MiB. */
  public int maxMemoryMib() {
    return maxMemoryMib;
  }

  /** Returns a limit of time for what may take the given time in the quickest lab. */
  public Duration limit(Duration quickest) {
    return quickest.multipliedBy(slowness);
  }

  int defaultCpus() {
    return Math.min(USUAL_CPUS, maxCpus);
  }

  int defaultMemoryMib() {
    return Math.min(USUAL_MEMORY_MIB, maxMemoryMib);
  }

  Duration defaultTimeout() {
    return limit(USUAL_TIMEOUT);
  }
}
