package dev.ballast.migration.source;

/**
 * How a guest that dirties memory faster than it can be sent is slowed down.
 *
 * @param enabled whether it is slowed down at all
 * @param initialPercent for how much of the time vCPUs are stopped at first, 1 to 99
 * @param incrementPercent how much is added each time that this was not enough, 1 to 99
 * @param maxPercent for how much of the time they are stopped at most, 1 to 99
 */
public record AutoConverge(
    boolean enabled, int initialPercent, int incrementPercent, int maxPercent) {
  /** Off; 20 %, then 10 % more each time, up to 99 %. */
  public static final AutoConverge OFF = new AutoConverge(false, 20, 10, 99);

  private static final int LIMIT = 99;

  /** Checks the ranges. */
  public AutoConverge {
    check("cpu-throttle-initial", initialPercent);
    check("cpu-throttle-increment", incrementPercent);
    check("max-cpu-throttle", maxPercent);
  }

  private static void check(String name, int percent) {
    if (percent < 1 || percent > LIMIT) {
      throw new IllegalArgumentException(name + " " + percent + ": must be 1 to " + LIMIT);
    }
  }

  /** Returns the same percentages, switched on or off. */
  public AutoConverge enabled(boolean on) {
    return new AutoConverge(on, initialPercent, incrementPercent, maxPercent);
  }

  /** Returns the percentage that follows {@code percent}. */
  int next(int percent) {
    return Math.min(maxPercent, percent == 0 ? initialPercent : percent + incrementPercent);
  }
}
