package dev.ballast.ffi.linux;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.libc.IoCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

/**
 * The {@code PAGEMAP_SCAN} ioctl, {@code linux/fs.h}. Its layouts are written by hand because the
 * headers that the generated code is made from are older than the ioctl.
 */
final class PagemapScan {
  /** {@code _IOWR('f', 16, struct pm_scan_arg)}. */
  static final long PAGEMAP_SCAN = 0xC0606610L;

  static final long PAGE_IS_PRESENT = 1 << 3;
  static final long PAGE_IS_SWAPPED = 1 << 4;
  static final long PAGE_IS_PFNZERO = 1 << 5;

  static final StructLayout PM_SCAN_ARG =
      MemoryLayout.structLayout(
          JAVA_LONG.withName("size"),
          JAVA_LONG.withName("flags"),
          JAVA_LONG.withName("start"),
          JAVA_LONG.withName("end"),
          JAVA_LONG.withName("walk_end"),
          JAVA_LONG.withName("vec"),
          JAVA_LONG.withName("vec_len"),
          JAVA_LONG.withName("max_pages"),
          JAVA_LONG.withName("category_inverted"),
          JAVA_LONG.withName("category_mask"),
          JAVA_LONG.withName("category_anyof_mask"),
          JAVA_LONG.withName("return_mask"));
  static final StructLayout PAGE_REGION =
      MemoryLayout.structLayout(
          JAVA_LONG.withName("start"), JAVA_LONG.withName("end"), JAVA_LONG.withName("categories"));

  private static final long ARG_START = offset("start");
  private static final long ARG_END = offset("end");
  private static final long ARG_WALK_END = offset("walk_end");
  private static final long ARG_INVERTED = offset("category_inverted");
  private static final long ARG_MASK = offset("category_mask");
  private static final long ARG_ANYOF = offset("category_anyof_mask");
  private static final long ARG_RETURN = offset("return_mask");
  private static final long REGION_END = PAGE_REGION.byteOffset(groupElement("end"));
  private static final long REGION_SIZE = PAGE_REGION.byteSize();

  private static final int REGIONS = 4096;

  private final MemorySegment argument;
  private final MemorySegment regions;

  PagemapScan(Arena arena) {
    argument = arena.allocate(PM_SCAN_ARG);
    regions = arena.allocate(PAGE_REGION, REGIONS);
    argument.set(JAVA_LONG, offset("size"), PM_SCAN_ARG.byteSize());
    argument.set(JAVA_LONG, offset("vec"), regions.address());
    argument.set(JAVA_LONG, offset("vec_len"), REGIONS);
    lookFor(PAGE_IS_PRESENT | PAGE_IS_SWAPPED);
  }

  /** Chooses the pages to find: those in any of these categories that are not the zero page. */
  void lookFor(long categories) {
    argument.set(JAVA_LONG, ARG_INVERTED, PAGE_IS_PFNZERO);
    argument.set(JAVA_LONG, ARG_MASK, PAGE_IS_PFNZERO);
    argument.set(JAVA_LONG, ARG_ANYOF, categories);
    argument.set(JAVA_LONG, ARG_RETURN, categories);
  }

  private static long offset(String field) {
    return PM_SCAN_ARG.byteOffset(groupElement(field));
  }

  /**
   * Scans on until the buffer of regions is full or the range is done.
   *
   * @return how many regions were found, or -errno
   */
  int next(int fd, long start, long end) {
    argument.set(JAVA_LONG, ARG_START, start);
    argument.set(JAVA_LONG, ARG_END, end);
    int result;
    do {
      result = IoCalls.ioctl(fd, PAGEMAP_SCAN, argument);
    } while (result == -Errno.EINTR);
    return result;
  }

  /** Returns the address where the last scan stopped. */
  long walkEnd() {
    return argument.get(JAVA_LONG, ARG_WALK_END);
  }

  long start(int region) {
    return regions.get(JAVA_LONG, region * REGION_SIZE);
  }

  long end(int region) {
    return regions.get(JAVA_LONG, region * REGION_SIZE + REGION_END);
  }
}
