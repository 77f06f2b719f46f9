package dev.ballast.tools.bench;

import java.time.Duration;

/**
 * How often something is measured: a number of times, more often if it takes a moment, less often
 * if it takes so long that the whole bench would.
 *
 * @param repeat that number, at least 1
 */
public record RepeatPlan(int repeat) {
  /** What takes less, preparation included, is measured up to three times as often. */
  private static final Duration MOMENT = Duration.ofSeconds(3);

  private static final int OFTEN = 3;

  /** The time limit of the measurements after the first, for each of the repeats. */
  private static final Duration ALLOWANCE = Duration.ofSeconds(10);

  /** The time limit of a whole bench for repeating, for each of the repeats. */
  private static final Duration TIME = Duration.ofMinutes(4);

  /**
   * Returns whether there is time to measure anything more than once.
   *
   * @param elapsed since the bench began
   */
  boolean isInTime(Duration elapsed) {
    return elapsed.compareTo(TIME.multipliedBy(repeat)) < 0;
  }

  /**
   * Returns whether to measure again.
   *
   * @param measured how often it was done
   * @param took how long the last one took, preparation included
   * @param spent how long all took but the first
   */
  boolean again(int measured, Duration took, Duration spent) {
    // Of --repeat 1, one is one.
    int most = took.compareTo(MOMENT) < 0 ? OFTEN * (repeat - 1) + 1 : repeat;
    Duration allowed = ALLOWANCE.multipliedBy(repeat);
    return measured < most && spent.plus(took).compareTo(allowed) <= 0;
  }
}
