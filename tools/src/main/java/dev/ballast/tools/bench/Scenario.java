package dev.ballast.tools.bench;

import java.util.List;

/** One thing that is measured; the kinds differ in what is done for it. */
public sealed interface Scenario
    permits MigrationScenario,
        SecondHopScenario,
        CompressionScenario,
        StartScenario,
        ExitsScenario,
        InflateScenario,
        OverheadScenario {

  /**
   * What all scenarios have.
   *
   * @param name what it is called on the command line and in reports
   * @param description one line for people
   * @param targets what Ballast is to reach, the most important first
   * @param note what to know when reading the figures; empty for nothing
   */
  record Outline(String name, String description, List<Target> targets, String note) {
    /** Keeps a copy of the targets. */
    public Outline {
      targets = List.copyOf(targets);
    }
  }

  /** Returns what it has in common with others. */
  Outline outline();

  /** Returns the same with a small guest, or less of it, for a warm-up or a quick look. */
  Scenario small();

  /** Returns what it is called. */
  default String name() {
    return outline().name();
  }

  /** Returns one line for people. */
  default String description() {
    return outline().description();
  }

  /** Returns what Ballast is to reach, the most important first. */
  default List<Target> targets() {
    return outline().targets();
  }

  /** Returns what to know when reading the figures; empty for nothing. */
  default String note() {
    return outline().note();
  }

  /** Tells whether memory with content is moved, so that a destination takes much of it. */
  default boolean movesContent() {
    return switch (this) {
      case MigrationScenario migration -> migration.guest().contentBytes() > 0;
      case SecondHopScenario _, CompressionScenario _ -> true;
      case StartScenario _, ExitsScenario _, InflateScenario _, OverheadScenario _ -> false;
    };
  }

  /** Tells whether the other VMM takes part. */
  default boolean comparesWithPeer() {
    return targets().stream()
        .map(Target::reference)
        .anyMatch(reference -> reference instanceof Target.Peer);
  }

  /** Tells whether a C program takes part. */
  default boolean comparesWithC() {
    return targets().stream()
        .map(Target::reference)
        .anyMatch(reference -> reference instanceof Target.InC);
  }
}
