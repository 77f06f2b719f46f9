package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.List;
import java.util.regex.Pattern;

/**
 * What is mapped in a process and how much of it is resident.
 *
 * @param mappings in the order of their addresses
 */
record ProcessMemory(List<Mapping> mappings) {
  /**
   * One mapping.
   *
   * @param writable whether the process may write to it
   * @param bytes its size
   * @param residentBytes what of it has a page, shared ones too
   */
  record Mapping(boolean writable, long bytes, long residentBytes) {}

  private static final Pattern MAPPING =
      Pattern.compile("(?m)^([0-9a-f]+)-([0-9a-f]+) .(.).*(?:\n[A-Z].*)*?\nRss: +(\\d+) kB");

  /** Reads {@code /proc/PID/smaps} (proc(5)). */
  static ProcessMemory parse(String smaps) {
    return new ProcessMemory(
        MAPPING
            .matcher(smaps)
            .results()
            .map(
                m ->
                    new Mapping(
                        m.group(3).equals("w"),
                        hex(m.group(2)) - hex(m.group(1)),
                        Long.parseLong(m.group(4)) * 1024))
            .toList());
  }

  private static long hex(String digits) {
    return Long.parseUnsignedLong(digits, 16);
  }

  /**
   * Returns what is resident outside the RAM of the guest, in bytes.
   *
   * @param guestBytes the size of that RAM
   * @throws IOException if no mapping, or more than one, can be it
   */
  long residentWithoutGuest(long guestBytes) throws IOException {
    // RAM may be cut where other advice was given for a part of it; nothing else is as large.
    List<Mapping> guests =
        mappings.stream().filter(m -> m.writable && m.bytes > guestBytes / 2).toList();
    if (guests.size() != 1) {
      throw new IOException(
          guests.size() + " mappings look like a guest's RAM of " + Figures.bytes(guestBytes));
    }
    return mappings.stream().mapToLong(Mapping::residentBytes).sum()
        - guests.getFirst().residentBytes;
  }
}
