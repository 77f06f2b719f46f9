package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What is mapped in a process and how much of it is resident.
 *
 * @param mappings in the order of their addresses
 */
record ProcessMemory(List<Mapping> mappings) {
  /** Keeps a copy of the mappings. */
  ProcessMemory {
    mappings = List.copyOf(mappings);
  }

  /**
   * One mapping.
   *
   * @param writable whether the process may write to it
   * @param bytes its size
   * @param residentBytes what of it has a page, shared ones too
   */
  record Mapping(boolean writable, long bytes, long residentBytes) {}

  private static final Pattern HEAD =
      Pattern.compile("([0-9a-f]+)-([0-9a-f]+) .(.).. [0-9a-f]+ .*");
  private static final Pattern RESIDENT = Pattern.compile("Rss: +(\\d+) kB");

  /** A guest's RAM may be cut where other advice was given for a part of it. */
  private static final double PART_OF_GUEST = 0.5;

  /**
   * Reads {@code /proc/PID/smaps} (proc(5)).
   *
   * @throws IOException if it is something else
   */
  static ProcessMemory parse(List<String> lines) throws IOException {
    List<Mapping> mappings = new ArrayList<>();
    for (String line : lines) {
      Matcher head = HEAD.matcher(line);
      Matcher resident = RESIDENT.matcher(line);
      if (head.matches()) {
        long bytes =
            Long.parseUnsignedLong(head.group(2), 16) - Long.parseUnsignedLong(head.group(1), 16);
        mappings.add(new Mapping(head.group(3).equals("w"), bytes, 0));
      } else if (resident.matches()) {
        if (mappings.isEmpty()) {
          throw new IOException("not a list of mappings: " + line);
        }
        Mapping last = mappings.removeLast();
        long bytes = Long.parseLong(resident.group(1)) * 1024;
        mappings.add(new Mapping(last.writable, last.bytes, bytes));
      }
    }
    return new ProcessMemory(mappings);
  }

  /**
   * Returns what is resident outside the RAM of the guest, in bytes.
   *
   * @param guestBytes the size of that RAM
   * @throws IOException if no mapping, or more than one, can be it
   */
  long residentWithoutGuest(long guestBytes) throws IOException {
    List<Mapping> guests = mappings.stream().filter(m -> isGuest(m, guestBytes)).toList();
    if (guests.size() != 1) {
      throw new IOException(
          guests.size() + " mappings look like a guest's RAM of " + Figures.bytes(guestBytes));
    }
    return mappings.stream().mapToLong(Mapping::residentBytes).sum()
        - guests.getFirst().residentBytes;
  }

  /** RAM is one mapping, or cut where it was advised on; nothing else is as large. */
  private static boolean isGuest(Mapping mapping, long guestBytes) {
    return mapping.writable && mapping.bytes > guestBytes * PART_OF_GUEST;
  }
}
