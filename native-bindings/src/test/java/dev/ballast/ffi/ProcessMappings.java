package dev.ballast.ffi;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The memory mappings of this process, of which the kernel allows {@code vm.max_map_count}. */
public final class ProcessMappings {
  private static final Path SMAPS = Path.of("/proc/self/smaps");
  private static final Pattern MAPPING = Pattern.compile("([0-9a-f]+)-([0-9a-f]+) .*");
  private static final Pattern HUGE = Pattern.compile("AnonHugePages: +(\\d+) kB");

  private static final String FLAGS = "VmFlags:";

  private ProcessMappings() {}

  /** Returns how many mappings share pages with a segment. */
  public static int count(MemorySegment segment) throws IOException {
    int count = 0;
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      Matcher mapping = MAPPING.matcher(line);
      if (mapping.matches() && overlaps(mapping, segment)) {
        count++;
      }
    }
    return count;
  }

  /** Returns how many bytes of transparent huge pages are in the mappings of a segment. */
  public static long hugeBytes(MemorySegment segment) throws IOException {
    boolean inside = false;
    long kibibytes = 0;
    List<String> lines = Files.readAllLines(SMAPS);
    for (String line : lines) {
      Matcher mapping = MAPPING.matcher(line);
      Matcher huge = HUGE.matcher(line);
      if (mapping.matches()) {
        inside = overlaps(mapping, segment);
      } else if (inside && huge.matches()) {
        kibibytes += Long.parseLong(huge.group(1));
      }
    }
    return kibibytes << 10;
  }

  /**
   * Returns the flags that any mapping of a segment has (VmFlags of proc_pid_smaps(5)), for
   * instance {@code hg}: huge pages are asked for; {@code nh}: forbidden; {@code dd}: no part of a
   * core dump.
   */
  public static Set<String> flags(MemorySegment segment) throws IOException {
    boolean inside = false;
    Set<String> flags = new HashSet<>();
    for (String line : Files.readAllLines(SMAPS)) {
      Matcher mapping = MAPPING.matcher(line);
      if (mapping.matches()) {
        inside = overlaps(mapping, segment);
      } else if (inside && line.startsWith(FLAGS)) {
        flags.addAll(List.of(line.substring(FLAGS.length()).strip().split(" ")));
      }
    }
    return flags;
  }

  private static boolean overlaps(Matcher mapping, MemorySegment segment) {
    long start = Long.parseUnsignedLong(mapping.group(1), 16);
    long end = Long.parseUnsignedLong(mapping.group(2), 16);
    return Long.compareUnsigned(start, segment.address() + segment.byteSize()) < 0
        && Long.compareUnsigned(end, segment.address()) > 0;
  }
}
