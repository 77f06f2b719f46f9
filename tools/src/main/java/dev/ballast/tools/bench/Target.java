package dev.ballast.tools.bench;

/**
 * What Ballast is to reach in a scenario.
 *
 * @param metric what is compared
 * @param most the largest ratio of Ballast's figure to the reference's that meets the target
 * @param reference what Ballast's figure is divided by
 */
public record Target(Metric metric, double most, Reference reference) {
  /** What a figure is compared with. */
  public sealed interface Reference {}

  /** The other VMM's figure in the same run. */
  public record Peer() implements Reference {}

  /**
   * A fixed figure.
   *
   * @param value in the metric's unit
   */
  public record Limit(double value) implements Reference {}

  /** Returns a target that compares with the other VMM. */
  static Target toPeer(Metric metric, double most) {
    return new Target(metric, most, new Peer());
  }

  /** Returns a target that compares with a fixed figure. */
  static Target toLimit(Metric metric, double value) {
    return new Target(metric, 1, new Limit(value));
  }

  /** Tells whether a ratio meets the target. */
  public boolean isMetBy(double ratio) {
    return ratio <= most;
  }
}
