package dev.ballast.tools.bench;

/**
 * What Ballast is to reach in a scenario.
 *
 * @param metric what is compared
 * @param bound the ratio of Ballast's figure to the reference's that just meets the target: the
 *     smallest where more is better, else the largest
 * @param reference what Ballast's figure is divided by
 */
public record Target(Metric metric, double bound, Reference reference) {
  /** What a figure is compared with. */
  public sealed interface Reference {
    /** Returns what is added to the figure beside Ballast's, in the metric's unit. */
    default double allowance() {
      return 0;
    }
  }

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

  /** Returns a target that allows so much more than the other VMM has, and no more. */
  static Target toPeerPlus(Metric metric, double allowance) {
    return new Target(metric, 1, new Peer(allowance));
  }

  /** Returns a target that compares with a C program. */
  static Target toBaseline(Metric metric, double bound) {
    return new Target(metric, bound, new Baseline());
  }

  /** Returns a target that compares with another figure of Ballast's. */
  static Target toOwn(Metric metric, double bound, Metric reference) {
    return new Target(metric, bound, new Own(reference));
  }

  /** Returns a target that compares with a fixed figure. */
  static Target toLimit(Metric metric, double value) {
    return new Target(metric, 1, new Limit(value));
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
