package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.FileCalls;
import dev.ballast.ffi.libc.MemoryCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Finds the pages of this process's memory that have been populated, without touching them: by the
 * {@code PAGEMAP_SCAN} ioctl where the kernel has it (Linux 6.7), else by reading {@code
 * /proc/self/pagemap} (Documentation/admin-guide/mm/pagemap.rst).
 *
 * <p>Only private anonymous memory is found exactly, present or swapped. Of a mapped file or memfd
 * the page tables show only what this process has touched; {@link Memfd#populated} finds all data
 * of the file. Huge pages of the kernel's pool, private or in a file that only this process maps,
 * are found, too: without the ioctl by mincore(2), because the page map has none that the kernel is
 * about to move. For one thread at a time. Queries do not allocate on the Java heap.
 */
public final class Pagemap implements AutoCloseable {
  /** Bytes of a page, here and in KVM's dirty log. */
  public static final long PAGE_SIZE = 4096;

  private static final int ENTRY_SIZE = Long.BYTES;
  private static final int ENTRIES = 1 << 16;

  /** Bits 63 (present) and 62 (swapped) of an entry. */
  private static final long POPULATED = 3L << 62;

  private static final long SWAPPED = 1L << 62;

  private final FileDescriptor file;
  private final Arena arena = Arena.ofShared();
  private final PagemapScan scan = new PagemapScan(arena);
  private final MemorySegment buffer = arena.allocate((long) ENTRIES * ENTRY_SIZE, ENTRY_SIZE);
  private final boolean pooled;
  private boolean scanning;
  private final PoisonProbe probe = new PoisonProbe();

  private Pagemap(FileDescriptor file, boolean pooled, boolean scanning) {
    this.file = file;
    this.pooled = pooled;
    this.scanning = scanning;
  }

  /**
   * Opens this process's page map.
   *
   * @param pooled whether the memory to query consists of huge pages of the kernel's pool (hugetlb)
   * @throws ErrnoException as open(2), where {@code /proc} is not mounted or is forbidden
   */
  public static Pagemap open(boolean pooled) throws ErrnoException {
    return open(pooled, true);
  }

  /** Opens it, without {@code PAGEMAP_SCAN} if {@code scanning} is false. */
  static Pagemap open(boolean pooled, boolean scanning) throws ErrnoException {
    return new Pagemap(
        FileDescriptor.open(Path.of("/proc/self/pagemap"), FileDescriptor.O_RDONLY),
        pooled,
        scanning);
  }

  /**
   * Reports the populated pages of a range. A page that was only read is left out if the kernel has
   * {@code PAGEMAP_SCAN}, which recognises the zero page; otherwise it may be reported.
   *
   * @param address where the range starts in this process, page-aligned
   * @param pages its length in pages of 4 KiB
   * @param consumer receives the runs, in pages relative to {@code address}, ascending
   * @throws ErrnoException as ioctl(2) and pread(2)
   */
  public void populated(long address, long pages, PopulatedRunConsumer consumer)
      throws ErrnoException {
    scan.lookFor(PagemapScan.PAGE_IS_PRESENT | PagemapScan.PAGE_IS_SWAPPED);
    find(address, pages, POPULATED, consumer);
  }

  /**
   * Reports the pages of a range whose content the kernel has lost to a memory error, and that
   * raise SIGBUS or give EHWPOISON when they are read. The kernel replaces them in the page tables
   * by entries like those of swapped pages: only such pages are looked at closer, and read from
   * swap. Reports none before Linux 5.14, which cannot tell, and none of the pool's huge pages
   * without {@code PAGEMAP_SCAN}.
   *
   * @param address where the range starts in this process, page-aligned
   * @param pages its length in pages of 4 KiB
   * @param consumer receives the runs, in pages relative to {@code address}, ascending
   * @throws ErrnoException as ioctl(2) and pread(2)
   */
  public void poisoned(long address, long pages, PopulatedRunConsumer consumer)
      throws ErrnoException {
    probe.start(address, consumer);
    scan.lookFor(PagemapScan.PAGE_IS_SWAPPED);
    find(address, pages, SWAPPED, probe);
  }

  private void find(long address, long pages, long states, PopulatedRunConsumer consumer)
      throws ErrnoException {
    if (address % PAGE_SIZE != 0 || address < 0 || pages < 0) {
      throw new IllegalArgumentException(
          pages + " pages at 0x" + Long.toHexString(address) + " are not a range of pages");
    }
    long end = Math.addExact(address, Math.multiplyExact(pages, PAGE_SIZE));
    if (pages == 0 || (scanning && scan(address, end, consumer))) {
      return;
    }
    if (!pooled || states == POPULATED) {
      look(address, pages, states, consumer);
    }
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

  private void look(long address, long pages, long states, PopulatedRunConsumer consumer)
      throws ErrnoException {
    long runStart = -1;
    long page = 0;
    while (page < pages) {
      long from = address + page * PAGE_SIZE;
      int entries = pooled ? readCore(from, pages - page) : readMap(from, pages - page);
      if (entries == 0) {
        break;
      }
      for (int i = 0; i < entries; i++) {
        boolean populated = pooled ? isInCore(i) : isIn(states, i);
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

  /** Returns how many entries were read, 0 where the address space of a process ends. */
  private int readMap(long address, long pages) throws ErrnoException {
    long wanted = Math.min(ENTRIES, pages) * ENTRY_SIZE;
    long offset = address / PAGE_SIZE * ENTRY_SIZE;
    long bytes;
    do {
      bytes = FileCalls.pread(file.value(), buffer, wanted, offset);
    } while (bytes == -Errno.EINTR);
    if (bytes < 0) {
      throw new ErrnoException("pread", (int) -bytes, "/proc/self/pagemap");
    }
    return (int) (bytes / ENTRY_SIZE);
  }

  private boolean isIn(long states, int entry) {
    return (buffer.get(JAVA_LONG, (long) entry * ENTRY_SIZE) & states) != 0;
  }

  /** A huge page that the kernel is about to move is in core for mincore(2). */
  private int readCore(long address, long pages) throws ErrnoException {
    long count = Math.min(buffer.byteSize(), pages);
    int result;
    do {
      result = MemoryCalls.mincore(address, count * PAGE_SIZE, buffer);
    } while (result == -Errno.EAGAIN);
    if (result < 0) {
      throw new ErrnoException(
          "mincore", -result, count + " pages at 0x" + Long.toHexString(address));
    }
    return (int) count;
  }

  private boolean isInCore(int page) {
    return (buffer.get(JAVA_BYTE, page) & 1) != 0;
  }

  /** Finds the poisoned pages among those that may be, by halves. */
  private static final class PoisonProbe implements PopulatedRunConsumer {
    private long address;
    private PopulatedRunConsumer consumer = (_, _) -> {};

    void start(long rangeStart, PopulatedRunConsumer target) {
      address = rangeStart;
      consumer = target;
    }

    @Override
    public void run(long first, long count) {
      int result;
      do {
        result =
            MemoryCalls.madvise(
                address + first * PAGE_SIZE, count * PAGE_SIZE, LinuxH.MADV_POPULATE_READ());
      } while (result == -Errno.EINTR);
      if (result != -Errno.EHWPOISON) {
        return;
      }
      if (count == 1) {
        consumer.run(first, 1);
      } else {
        run(first, count / 2);
        run(first + count / 2, count - count / 2);
      }
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
