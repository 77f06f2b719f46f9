package dev.ballast.tools.bench;

/**
 * A target of a scenario.
 *
 * @param metric what is compared
 * @param bound the ratio of Ballast's figure to the reference's that just meets the target: the
 *     smallest where more is better, else the largest
 * @param reference what Ballast's figure is divided by
 */
public record Target(Metric metric, double bound, Reference reference) {
  /** What a figure is compared with. */
  public sealed interface Reference {}

  /**
   * The other VMM's figure in the same run.
   *
   * @param allowance what is added to it, in the metric's unit
   */
  public record Peer(double allowance) implements Reference {}

  /** What a C program with nothing between it and the kernel reaches in the same run. */
  public record Baseline() implements Reference {}

  /**
   * Another figure of Ballast's own in the same run.
   *
   * @param metric which
   */
  public record Own(Metric metric) implements Reference {}

  /**
   * A fixed figure.
   *
   * @param value in the metric's unit
   */
  public record Limit(double value) implements Reference {}

  /** Returns a target that compares with the other VMM. */
  static Target toPeer(Metric metric, double bound) {
    return new Target(metric, bound, new Peer(0));
  }

  /** Returns whether a ratio meets the target. */
  public boolean isMetBy(double ratio) {
    return metric.moreIsBetter() ? ratio >= bound : ratio <= bound;
  }

  /** Returns the target as people read it, for instance {@code ≤ 1/50}. */
  public String text() {
    return (metric.moreIsBetter() ? "≥ " : "≤ ") + Figures.small(bound);
  }
}
