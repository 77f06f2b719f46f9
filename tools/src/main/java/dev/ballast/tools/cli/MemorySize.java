package dev.ballast.tools.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * An amount of memory on the command line: a whole number with a unit K, M, G or T (powers of
 * 1024), or without one in MiB, as QEMU has it.
 *
 * @param bytes greater than 0
 */
public record MemorySize(long bytes) {
  private static final Pattern SYNTAX = Pattern.compile("([0-9]{1,18})([KMGT]?)(?:I?B)?");

  /**
   * Parses a size; upper and lower case are the same.
   *
   * @throws IllegalArgumentException if it is none, is 0, or does not fit into 63 bits
   */
  public static MemorySize parse(String text) {
    Matcher matcher = SYNTAX.matcher(text.toUpperCase(Locale.ROOT));
    if (!matcher.matches()) {
      throw new IllegalArgumentException("'" + text + "' is not a size like 512M or 2G");
    }
    long number = Long.parseLong(matcher.group(1));
    int shift =
        switch (matcher.group(2)) {
          case "K" -> 10;
          case "G" -> 30;
          case "T" -> 40;
          default -> 20;
        };
    if (number == 0 || number > Long.MAX_VALUE >> shift) {
      throw new IllegalArgumentException("a size of '" + text + "' is out of range");
    }
    return new MemorySize(number << shift);
  }

  /** Returns the size as the command line takes it, in the largest unit that divides it. */
  public String text() {
    int unit = Math.min(Long.numberOfTrailingZeros(bytes) / 10, 4);
    return unit == 0
        ? bytes + " bytes"
        : (bytes >> (unit * 10)) + " KMGT".substring(unit, unit + 1);
  }

  /** Returns the size in MiB, rounded up. */
  public long mebibytes() {
    return (bytes >> 20) + ((bytes & (1 << 20) - 1) == 0 ? 0 : 1);
  }

  /** Lets picocli parse sizes. */
  public static final class Converter implements ITypeConverter<MemorySize> {
    @Override
    public MemorySize convert(String text) {
      try {
        return parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
