package dev.ballast.tools.bench;

import java.util.Locale;
import java.util.OptionalDouble;

/** Figures as people read them. */
public final class Figures {
  private static final String[] BINARY = {"B", "KiB", "MiB", "GiB", "TiB"};

  private Figures() {}

  /** Returns a value in the unit that suits it. */
  public static String of(double value, Metric metric) {
    if (Double.isInfinite(value)) {
      return "never";
    }
    return switch (metric.unit()) {
      case MILLIS -> millis(value);
      case BYTES -> bytes(value);
      case BYTES_PER_SECOND -> bytes(value) + "/s";
      case PER_SECOND -> String.format(Locale.ROOT, "%,.0f/s", value);
    };
  }

  /** Returns bytes in the largest unit in which they are 1 or more, with three digits. */
  public static String bytes(double bytes) {
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < BINARY.length - 1) {
      value /= 1024;
      unit++;
    }
    return threeDigits(value) + " " + BINARY[unit];
  }

  /** Returns bytes as {@link #bytes(double)} does. */
  public static String bytes(long bytes) {
    return bytes((double) bytes);
  }

  /** Returns a time in milliseconds, or in seconds where it is long. */
  public static String millis(double millis) {
    return millis < 1000 ? threeDigits(millis) + " ms" : threeDigits(millis / 1000) + " s";
  }

  /** Returns a ratio, or a dash where there is none. */
  public static String ratio(OptionalDouble ratio) {
    double value = ratio.orElse(Double.NaN);
    return Double.isNaN(value) ? "–" : Double.isInfinite(value) ? "∞" : small(value);
  }

  /** Returns a target or a ratio: below 0.1 as a part of one. */
  public static String small(double value) {
    if (value > 0 && value < 0.1) {
      return "1/" + Math.round(1 / value);
    }
    return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.0f", value);
  }

  private static String threeDigits(double value) {
    boolean whole = value == Math.rint(value) || value >= 100;
    return String.format(Locale.ROOT, whole ? "%.0f" : value < 10 ? "%.2f" : "%.1f", value);
  }
}
