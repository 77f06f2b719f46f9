package dev.ballast.migration.source;

/**
 * How a guest that dirties memory faster than it can be sent is slowed down.
 *
 * @param enabled whether it is slowed down at all
 * @param initialPercent the share of the time that vCPUs are stopped at first, 1 to 99
 * @param incrementPercent how much is added each time that the share was not enough, 1 to 99
 * @param maxPercent the largest share of the time that they are stopped, 1 to 99
 */
public record AutoConverge(
    boolean enabled, int initialPercent, int incrementPercent, int maxPercent) {
  /** The largest share of the time for which vCPUs can be stopped, in percent. */
  static final int MAX_PERCENT = 99;

  /** Returns the same percentages, switched on or off. */
  AutoConverge withEnabled(boolean on) {
    return new AutoConverge(on, initialPercent, incrementPercent, maxPercent);
  }

  /** Returns the same with another first percentage. */
  AutoConverge withInitial(int percent) {
    return new AutoConverge(enabled, percent, incrementPercent, maxPercent);
  }

  /** Returns the same with another step. */
  AutoConverge withIncrement(int percent) {
    return new AutoConverge(enabled, initialPercent, percent, maxPercent);
  }

  /** Returns the same with another largest percentage. */
  AutoConverge withMax(int percent) {
    return new AutoConverge(enabled, initialPercent, incrementPercent, percent);
  }

  /** Returns the percentage that follows {@code percent}. */
  int next(int percent) {
    return Math.min(maxPercent, percent == 0 ? initialPercent : percent + incrementPercent);
  }
}
