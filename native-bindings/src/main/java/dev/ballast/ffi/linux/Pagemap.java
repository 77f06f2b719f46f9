package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.libc.FileCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Finds the pages of this process's memory that have been populated, without touching them: by the
 * {@code PAGEMAP_SCAN} ioctl where the kernel has it (Linux 6.7), else by reading {@code
 * /proc/self/pagemap} (Documentation/admin-guide/mm/pagemap.rst).
 *
 * <p>Only private anonymous memory is found exactly, present or swapped. Of a mapped file or memfd
 * the page tables tell just what this process has touched: data that is in the file all the same is
 * found by {@link Memfd#populated}. Huge pages of the kernel's pool, private or in a file that only
 * this process maps, are found, too; without the ioctl, not while the kernel moves one. For one
 * thread at a time. Looking does not allocate on the Java heap.
 */
public final class Pagemap implements AutoCloseable {
  /** Bytes of a page, here and in KVM's dirty log. */
  public static final long PAGE_SIZE = 4096;

  private static final int ENTRY_SIZE = Long.BYTES;
  private static final int ENTRIES = 1 << 16;

  /** Bits 63 (present) and 62 (swapped) of an entry. */
  private static final long POPULATED = 3L << 62;

  private final FileDescriptor file;
  private final Arena arena = Arena.ofShared();
  private final PagemapScan scan = new PagemapScan(arena);
  private final MemorySegment buffer = arena.allocate((long) ENTRIES * ENTRY_SIZE, ENTRY_SIZE);
  private boolean scanning;

  private Pagemap(FileDescriptor file, boolean scanning) {
    this.file = file;
    this.scanning = scanning;
  }

  /**
   * Opens this process's page map.
   *
   * @throws ErrnoException as open(2), where {@code /proc} is not mounted or is forbidden
   */
  public static Pagemap open() throws ErrnoException {
    return open(true);
  }

  /** Opens it, without {@code PAGEMAP_SCAN} if {@code scanning} is false. */
  static Pagemap open(boolean scanning) throws ErrnoException {
    return new Pagemap(
        FileDescriptor.open(Path.of("/proc/self/pagemap"), FileDescriptor.O_RDONLY), scanning);
  }

  /**
   * Reports the populated pages of a range. A page that was only read may or may not be among them:
   * it is known to be the zero page when the kernel has {@code PAGEMAP_SCAN}, and left out.
   *
   * @param address where the range starts in this process, page-aligned
   * @param pages its length in pages of 4 KiB
   * @param consumer is given pages relative to {@code address}
   * @throws ErrnoException as ioctl(2) and pread(2)
   */
  public void populated(long address, long pages, PopulatedRunConsumer consumer)
      throws ErrnoException {
    if (address % PAGE_SIZE != 0 || address < 0 || pages < 0) {
      throw new IllegalArgumentException(
          pages + " pages at 0x" + Long.toHexString(address) + " are not a range of pages");
    }
    long end = Math.addExact(address, Math.multiplyExact(pages, PAGE_SIZE));
    if (pages == 0 || (scanning && scan(address, end, consumer))) {
      return;
    }
    read(address / PAGE_SIZE, pages, consumer);
  }

  /** Returns false, having reported nothing, when the kernel does not know the ioctl. */
  private boolean scan(long start, long end, PopulatedRunConsumer consumer) throws ErrnoException {
    long runStart = 0;
    long runEnd = 0;
    long position = start;
    while (position < end) {
      int regions = scan.next(file.value(), position, end);
      if (regions == -Errno.ENOTTY) {
        scanning = false;
        return false;
      }
      if (regions < 0) {
        throw new ErrnoException(
            "ioctl(PAGEMAP_SCAN)", -regions, "0x" + Long.toHexString(position));
      }
      for (int i = 0; i < regions; i++) {
        long regionStart = scan.start(i);
        if (regionStart != runEnd) {
          if (runEnd != 0) {
            consumer.run((runStart - start) / PAGE_SIZE, (runEnd - runStart) / PAGE_SIZE);
          }
          runStart = regionStart;
        }
        runEnd = scan.end(i);
      }
      position = scan.walkEnd();
    }
    if (runEnd != 0) {
      consumer.run((runStart - start) / PAGE_SIZE, (runEnd - runStart) / PAGE_SIZE);
    }
    return true;
  }

  private void read(long firstPage, long pages, PopulatedRunConsumer consumer)
      throws ErrnoException {
    long runStart = -1;
    long page = 0;
    while (page < pages) {
      long wanted = Math.min(ENTRIES, pages - page) * ENTRY_SIZE;
      long bytes = FileCalls.pread(file.value(), buffer, wanted, (firstPage + page) * ENTRY_SIZE);
      if (bytes == -Errno.EINTR) {
        continue;
      }
      if (bytes < 0) {
        throw new ErrnoException("pread", (int) -bytes, "/proc/self/pagemap");
      }
      if (bytes < ENTRY_SIZE) {
        // The file ends with the address space of a process.
        break;
      }
      int entries = (int) (bytes / ENTRY_SIZE);
      for (int i = 0; i < entries; i++) {
        boolean populated = (buffer.get(JAVA_LONG, (long) i * ENTRY_SIZE) & POPULATED) != 0;
        if (populated && runStart < 0) {
          runStart = page + i;
        } else if (!populated && runStart >= 0) {
          consumer.run(runStart, page + i - runStart);
          runStart = -1;
        }
      }
      page += entries;
    }
    if (runStart >= 0) {
      consumer.run(runStart, page - runStart);
    }
  }

  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    file.close();
  }
}
