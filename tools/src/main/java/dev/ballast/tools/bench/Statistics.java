package dev.ballast.tools.bench;

import java.util.Arrays;
import java.util.Collection;
import java.util.OptionalDouble;

/**
 * Statistics of repeated measurements of one figure.
 *
 * @param median the middle one, or the mean of the two in the middle
 * @param min the smallest
 * @param max the largest
 * @param count how many there were, at least 1
 */
public record Statistics(double median, double min, double max, int count) {
  /**
   * Summarises values in any order.
   *
   * @throws IllegalArgumentException if there is none, or one is not a number
   */
  public static Statistics of(Collection<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    if (sorted.length == 0 || Arrays.stream(sorted).anyMatch(Double::isNaN)) {
      throw new IllegalArgumentException("no statistics of " + values);
    }
    int middle = sorted.length / 2;
    double median =
        sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return new Statistics(median, sorted[0], sorted[sorted.length - 1], sorted.length);
  }

  /**
   * Returns the median divided by another figure; empty where that says nothing, because both are 0
   * or both infinite.
   */
  public OptionalDouble ratioTo(double other) {
    double ratio = median / other;
    return Double.isNaN(ratio) ? OptionalDouble.empty() : OptionalDouble.of(ratio);
  }
}
