package dev.ballast.migration.source;

import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.StreamSetup;
import java.time.Duration;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;

/**
 * A value of {@link MigrationParameters} that users set; the only definition of its name, range and
 * unit. QMP's {@code migrate-set-parameters} and the options of {@code ballast migrate} are derived
 * from {@link #ALL}.
 */
public sealed interface MigrationParameter {
  /** All parameters, in the order in which they are listed. */
  List<MigrationParameter> ALL =
      List.of(
          new Numeric(
              "max-bandwidth",
              0,
              Long.MAX_VALUE,
              p -> p.limits().bandwidth(),
              MigrationParameters::withMaxBandwidth),
          millis(
              "downtime-limit",
              0,
              2_000_000,
              p -> p.limits().downtime(),
              MigrationParameters::withDowntimeLimit),
          new Numeric(
              "multifd-channels",
              1,
              StreamSetup.MAX_COUNT,
              p -> p.multifd().channels(),
              (p, value) -> p.withMultifdChannels((int) value)),
          // QEMU's name: there it is for multifd alone, here for every connection of pages.
          new Choice(
              "multifd-compression",
              Stream.of(PageCompression.values()).map(PageCompression::qmpName).toList(),
              p -> p.compression().method().qmpName(),
              (p, word) -> p.withCompression(PageCompression.of(word))),
          new Numeric(
              "multifd-zstd-level",
              PageCompression.MIN_ZSTD_LEVEL,
              PageCompression.MAX_ZSTD_LEVEL,
              p -> p.compression().zstdLevel(),
              (p, value) -> p.withZstdLevel((int) value)),
          percent("cpu-throttle-initial", AutoConverge::initialPercent, AutoConverge::withInitial),
          percent(
              "cpu-throttle-increment",
              AutoConverge::incrementPercent,
              AutoConverge::withIncrement),
          percent("max-cpu-throttle", AutoConverge::maxPercent, AutoConverge::withMax),
          timeout(
              "x-connect-timeout",
              1,
              p -> p.timeouts().connect(),
              MigrationParameters::withConnectTimeout),
          timeout(
              "x-silence-timeout",
              1,
              p -> p.timeouts().silence(),
              MigrationParameters::withSilenceTimeout),
          timeout("x-timeout", 0, p -> p.timeouts().total(), MigrationParameters::withTimeout));

  /** Returns the name in QMP. */
  String qmpName();

  /**
   * Checks the value in some parameters.
   *
   * @throws IllegalArgumentException if it is out of its range
   */
  void check(MigrationParameters parameters);

  /**
   * A whole number.
   *
   * @param qmpName the name in QMP
   * @param min the smallest value
   * @param max the largest value
   * @param getter returns the value
   * @param setter returns the same parameters with another value
   */
  record Numeric(
      String qmpName, long min, long max, ToLongFunction<MigrationParameters> getter, Setter setter)
      implements MigrationParameter {
    /** Puts a number into parameters. */
    @FunctionalInterface
    public interface Setter {
      /** Returns the same parameters with another number, which is within the range. */
      MigrationParameters with(MigrationParameters parameters, long value);
    }

    /** Returns the number in some parameters. */
    public long get(MigrationParameters parameters) {
      return getter.applyAsLong(parameters);
    }

    /**
     * Returns the same parameters with another number.
     *
     * @throws IllegalArgumentException if it is out of its range
     */
    public MigrationParameters with(MigrationParameters parameters, long value) {
      check(value);
      return setter.with(parameters, value);
    }

    @Override
    public void check(MigrationParameters parameters) {
      check(get(parameters));
    }

    private void check(long value) {
      if (value < min || value > max) {
        throw new IllegalArgumentException(
            qmpName + " " + value + ": must be " + min + " to " + max);
      }
    }
  }

  /**
   * One of several words.
   *
   * @param qmpName the name in QMP
   * @param words all words
   * @param getter returns the word
   * @param setter returns the same parameters with another word
   */
  record Choice(
      String qmpName,
      List<String> words,
      Function<MigrationParameters, String> getter,
      BiFunction<MigrationParameters, String, MigrationParameters> setter)
      implements MigrationParameter {
    /** Returns the word in some parameters. */
    public String get(MigrationParameters parameters) {
      return getter.apply(parameters);
    }

    /** Returns the same parameters with another of the words. */
    public MigrationParameters with(MigrationParameters parameters, String word) {
      return setter.apply(parameters, word);
    }

    @Override
    public void check(MigrationParameters parameters) {
      // There are no parameters with another word.
    }
  }

  /**
   * Returns the parameter with a QMP name.
   *
   * @throws IllegalArgumentException if there is none
   */
  static MigrationParameter of(String qmpName) {
    return ALL.stream()
        .filter(parameter -> parameter.qmpName().equals(qmpName))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException("no parameter is called " + qmpName));
  }

  private static Numeric millis(
      String qmpName,
      long min,
      long max,
      Function<MigrationParameters, Duration> getter,
      BiFunction<MigrationParameters, Duration, MigrationParameters> setter) {
    return new Numeric(
        qmpName,
        min,
        max,
        p -> getter.apply(p).toMillis(),
        (p, value) -> setter.apply(p, Duration.ofMillis(value)));
  }

  /** In milliseconds, at most a day. */
  private static Numeric timeout(
      String qmpName,
      long min,
      Function<MigrationParameters, Duration> getter,
      BiFunction<MigrationParameters, Duration, MigrationParameters> setter) {
    return millis(qmpName, min, Duration.ofDays(1).toMillis(), getter, setter);
  }

  private static Numeric percent(
      String qmpName,
      ToLongFunction<AutoConverge> getter,
      BiFunction<AutoConverge, Integer, AutoConverge> setter) {
    return new Numeric(
        qmpName,
        1,
        AutoConverge.MAX_PERCENT,
        p -> getter.applyAsLong(p.autoConverge()),
        (p, value) -> p.withAutoConverge(setter.apply(p.autoConverge(), (int) value)));
  }
}
