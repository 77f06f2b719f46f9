package dev.ballast.tools.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Maps values from 0 on to pixels, and finds round values to write beside them.
 *
 * @param most the largest value, above 0
 * @param from the pixel of 0
 * @param to the pixel of the largest value
 */
record Axis(double most, double from, double to) {
  /** Returns where a value lies; what is larger than the largest lies there. */
  double at(double value) {
    return from + Math.min(value, most) / most * (to - from);
  }

  /** Returns round values from 0 on, about so many. */
  List<Double> ticks(int about) {
    double rough = most / about;
    double power = Math.pow(10, Math.floor(Math.log10(rough)));
    double step = power * 10;
    for (double factor : new double[] {1, 2, 5}) {
      if (power * factor >= rough) {
        step = power * factor;
        break;
      }
    }
    List<Double> ticks = new ArrayList<>();
    for (int i = 0; i * step <= most * 1.0001; i++) {
      ticks.add(i * step);
    }
    return ticks;
  }
}
