package dev.ballast.tools.benchmark;

/**
 * What one benchmark measured.
 *
 * @param group the benchmarks that it is compared with
 * @param method its name: {@code peer…} is another way to do the same, {@code limit…} what the
 *     machine could do at best, all others are ours
 * @param value the mean
 * @param error half the width of the confidence interval, NaN if there is none
 * @param unit in JMH's words; what is counted per nanosecond are bytes
 */
record Score(String group, String method, double value, double error, String unit) {
  boolean isOurs() {
    return !method.startsWith("peer") && !method.startsWith("limit");
  }

  /** Returns how many times as fast this is as another. */
  double speedOver(Score other) {
    return unit.endsWith("/op") ? other.value / value : value / other.value;
  }

  /** Returns the unit in ordinary words. */
  String unitInWords() {
    return switch (unit) {
      case "ops/ns" -> "GB/s";
      case "ops/us" -> "million/s";
      case "us/op" -> "µs";
      case "ns/op" -> "ns";
      case "ms/op" -> "ms";
      default -> unit;
    };
  }
}
