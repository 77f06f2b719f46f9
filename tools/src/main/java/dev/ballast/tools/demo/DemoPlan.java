package dev.ballast.tools.demo;

import java.util.List;

/** How large the demo is. */
public enum DemoPlan {
  /** Migrations without and with skip-balloon, to compare. */
  WHOLE(1024, 600, 300),

  /** Enough to see that the second migration is as cheap as the first. */
  QUICK(512, 256, 64);

  private static final long MIB = 1 << 20;
  private static final int CPUS = 2;

  private final int memoryMib;
  private final int balloonMib;
  private final int dataMib;

  DemoPlan(int memoryMib, int balloonMib, int dataMib) {
    this.memoryMib = memoryMib;
    this.balloonMib = balloonMib;
    this.dataMib = dataMib;
  }

  /** Returns the options of {@code ballast demo} that select this. */
  List<String> options() {
    return switch (this) {
      case WHOLE -> List.of();
      case QUICK -> List.of("--quick");
    };
  }

  int cpus() {
    return CPUS;
  }

  int memoryMib() {
    return memoryMib;
  }

  /** Returns how much the guest gives back. */
  int balloonMib() {
    return balloonMib;
  }

  /** Returns how much random data the guest has. */
  int dataMib() {
    return dataMib;
  }

  long memoryBytes() {
    return memoryMib * MIB;
  }

  /** Returns what the guest keeps while the balloon is inflated. */
  long keptBytes() {
    return (memoryMib - balloonMib) * MIB;
  }

  /** Returns for each migration whether skip-balloon is on. */
  List<Boolean> hops() {
    return switch (this) {
      case WHOLE -> List.of(false, true, true);
      case QUICK -> List.of(true, true);
    };
  }

  /** Returns the name of the n-th machine, from 0. */
  static String machine(int n) {
    return Character.toString('a' + n);
  }
}
