package dev.ballast.ffi.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A set of processors, vCPUs or memory nodes by their numbers; immutable.
 *
 * @param numbers ascending
 */
public record NumberSet(List<Integer> numbers) {
  /** The set without a number. */
  public static final NumberSet NONE = new NumberSet(List.of());

  /** The largest number, more than kernels are built for. */
  public static final int MAX = 65_535;

  private static final Pattern RANGE = Pattern.compile("([0-9]{1,5})(?:-([0-9]{1,5}))?");

  public NumberSet {
    numbers = List.copyOf(new TreeSet<>(numbers));
  }

  /** Returns the set of some numbers. */
  public static NumberSet of(Integer... numbers) {
    return new NumberSet(List.of(numbers));
  }

  /** Returns the set of {@code first} to {@code end - 1}. */
  public static NumberSet range(int first, int end) {
    return new NumberSet(IntStream.range(first, end).boxed().toList());
  }

  /**
   * Parses a set as the kernel writes it, for instance {@code 0-3,8} (cpuset(7), "List format").
   *
   * @param text numbers and ranges, separated by commas; the empty string is the empty set
   * @throws IllegalArgumentException if it is none, with a message for the user
   */
  public static NumberSet parse(String text) {
    List<Integer> numbers = new ArrayList<>();
    if (text.isEmpty()) {
      return NONE;
    }
    for (String part : text.split(",", -1)) {
      Matcher range = RANGE.matcher(part);
      int first = range.matches() ? Integer.parseInt(range.group(1)) : -1;
      int last = first < 0 || range.group(2) == null ? first : Integer.parseInt(range.group(2));
      if (first < 0 || last < first || last > MAX) {
        throw new IllegalArgumentException(
            "'" + part + "' is neither a number nor a range like 0-3, up to " + MAX);
      }
      numbers.addAll(range(first, last + 1).numbers);
    }
    return new NumberSet(numbers);
  }

  /** Returns whether it has no number. */
  public boolean isEmpty() {
    return numbers.isEmpty();
  }

  /** Returns how many numbers it has. */
  public int size() {
    return numbers.size();
  }

  /** Returns the smallest number that is larger than all of it: 0 for the empty set. */
  public int end() {
    return numbers.isEmpty() ? 0 : numbers.getLast() + 1;
  }

  /** Returns what is in this set or in another. */
  public NumberSet plus(NumberSet other) {
    return new NumberSet(Stream.concat(numbers.stream(), other.numbers.stream()).toList());
  }

  /** Returns what is in this set, and not in another. */
  public NumberSet minus(NumberSet other) {
    return new NumberSet(
        numbers.stream().filter(number -> !other.numbers.contains(number)).toList());
  }

  /** Returns what is in both sets. */
  public NumberSet and(NumberSet other) {
    return new NumberSet(numbers.stream().filter(other.numbers::contains).toList());
  }

  /** Returns the set as {@link #parse} takes it. */
  @Override
  public String toString() {
    List<String> ranges = new ArrayList<>();
    for (int i = 0; i < numbers.size(); ) {
      int first = numbers.get(i);
      int last = first;
      for (i++; i < numbers.size() && numbers.get(i) == last + 1; i++) {
        last++;
      }
      ranges.add(last == first ? "" + first : first + "-" + last);
    }
    return String.join(",", ranges);
  }
}
