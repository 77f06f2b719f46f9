package dev.ballast.tools.demo;

import java.util.List;
import java.util.stream.IntStream;

/** The sizes of the demo. */
public enum DemoPlan {
  /** Migrations without and with skip-balloon, to compare. */
  WHOLE(1024, 600, 300),

  /** Enough to see that the second migration is as cheap as the first. */
  QUICK(512, 256, 64),

  /** Many migrations, with skip-balloon on and off and the balloon of another size each time. */
  SOAK(512, 256, 64);

  private static final int SOAK_HOPS = 30;

  /** The soak is the same each time: of three migrations, one goes without skip-balloon. */
  private static final int SOAK_WITHOUT = 3;

  private static final long MIB = 1 << 20;
  private static final int CPUS = 2;
  private static final int LETTERS = 26;

  private final int memoryMib;
  private final int balloonMib;
  private final int dataMib;

  DemoPlan(int memoryMib, int balloonMib, int dataMib) {
    this.memoryMib = memoryMib;
    this.balloonMib = balloonMib;
    this.dataMib = dataMib;
  }

  /** Returns the options of {@code ballast demo} that select this plan. */
  List<String> options() {
    return switch (this) {
      case WHOLE -> List.of();
      case QUICK -> List.of("--quick");
      case SOAK -> List.of("--soak");
    };
  }

  int cpus() {
    return CPUS;
  }

  int memoryMib() {
    return memoryMib;
  }

  /** Returns the size of the balloon in MiB. */
  int balloonMib() {
    return balloonMib;
  }

  /** Returns the size of the guest's random data in MiB. */
  int dataMib() {
    return dataMib;
  }

  long memoryBytes() {
    return memoryMib * MIB;
  }

  /** Returns the size of the guest outside the inflated balloon in bytes. */
  long keptBytes() {
    return (memoryMib - balloonMib) * MIB;
  }

  /** Returns for each migration whether skip-balloon is on. */
  List<Boolean> hops() {
    return switch (this) {
      case WHOLE -> List.of(false, true, true);
      case QUICK -> List.of(true, true);
      case SOAK -> IntStream.range(0, SOAK_HOPS).mapToObj(hop -> hop % SOAK_WITHOUT != 1).toList();
    };
  }

  /** Returns whether the balloon is to know all of its pages before a migration skips them. */
  boolean knowsBalloon() {
    return this != SOAK;
  }

  /** Returns whether the balloon's driver and the guest are started again at the end. */
  boolean restarts() {
    return this == SOAK;
  }

  /** Returns the size of the guest outside the balloon for a migration, from 0. */
  long keptBytes(int hop) {
    long wave = this == SOAK ? (hop * 7L) % 5 * (balloonMib / 8) : 0;
    return keptBytes() + wave * MIB;
  }

  /** Returns the name of the n-th machine, from 0: a to z, and on with aa. */
  static String machine(int n) {
    String last = Character.toString('a' + n % LETTERS);
    return n < LETTERS ? last : machine(n / LETTERS - 1) + last;
  }
}
