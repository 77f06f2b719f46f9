package dev.ballast.tools.vm;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How much host memory is behind a mapping of this process, as {@code /proc/self/smaps} has it. */
final class ResidentMemory {
  private static final Pattern MAPPING = Pattern.compile("([0-9a-f]+)-([0-9a-f]+) .*");
  private static final Pattern RESIDENT =
      Pattern.compile("(?:Rss|Shared_Hugetlb|Private_Hugetlb): +(\\d+) kB");

  private ResidentMemory() {}

  /**
   * Returns the resident bytes of the mappings that share pages with a segment. The kernel may have
   * joined one with its neighbour, so that only differences count.
   */
  static long of(MemorySegment segment) throws IOException {
    long start = segment.address();
    long end = start + segment.byteSize();
    boolean inside = false;
    long kibibytes = 0;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      Matcher mapping = MAPPING.matcher(line);
      Matcher resident = RESIDENT.matcher(line);
      if (mapping.matches()) {
        inside =
            Long.compareUnsigned(address(mapping.group(1)), end) < 0
                && Long.compareUnsigned(address(mapping.group(2)), start) > 0;
      } else if (inside && resident.matches()) {
        kibibytes += Long.parseLong(resident.group(1));
      }
    }
    return kibibytes << 10;
  }

  private static long address(String hexadecimal) {
    return Long.parseUnsignedLong(hexadecimal, 16);
  }
}
