package dev.ballast.vmm.memory;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Sets of processors and of memory nodes as the kernel writes them: {@code 0-3,8} (cpuset(7)). */
public final class NumberList {
  /** The largest number, more than kernels are built for. */
  public static final int MAX = 65_535;

  private static final Pattern RANGE = Pattern.compile("([0-9]{1,5})(?:-([0-9]{1,5}))?");

  private NumberList() {}

  /**
   * Parses a list.
   *
   * @param text numbers and ranges, separated by commas; the empty string is the empty set
   * @throws IllegalArgumentException if it is none, with a message for the user
   */
  public static BitSet parse(String text) {
    BitSet set = new BitSet();
    if (text.isEmpty()) {
      return set;
    }
    for (String part : text.split(",", -1)) {
      Matcher range = RANGE.matcher(part);
      int first = range.matches() ? Integer.parseInt(range.group(1)) : -1;
      int last = first < 0 || range.group(2) == null ? first : Integer.parseInt(range.group(2));
      if (first < 0 || last < first || last > MAX) {
        throw new IllegalArgumentException(
            "'" + part + "' is neither a number nor a range like 0-3, up to " + MAX);
      }
      set.set(first, last + 1);
    }
    return set;
  }

  /** Returns the list of a set. */
  public static String text(BitSet set) {
    List<String> ranges = new ArrayList<>();
    for (int first = set.nextSetBit(0); first >= 0; ) {
      int end = set.nextClearBit(first);
      ranges.add(end == first + 1 ? "" + first : first + "-" + (end - 1));
      first = set.nextSetBit(end);
    }
    return String.join(",", ranges);
  }
}
