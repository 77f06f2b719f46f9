package dev.ballast.virtio.balloon;

import static dev.ballast.vmm.memory.LittleEndian.U32;

import dev.ballast.ffi.linux.VirtioConstants;
import dev.ballast.virtio.queue.ChainReader;
import dev.ballast.virtio.queue.DescriptorChain;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.log.RateLimitedLog;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.slf4j.LoggerFactory;

/**
 * Carries out the requests of the inflate and the deflate queue: arrays of page frame numbers,
 * unsigned 32 bits, little-endian, in units of 4 KiB of guest physical address (virtio v1.3
 * §5.5.6). Called with the queues' lock held.
 */
final class PfnRequests {
  private static final int PFN_SHIFT = VirtioConstants.BALLOON_PFN_SHIFT;
  private static final int PFN_BYTES = Integer.BYTES;

  /**
   * After how many page frame numbers a batch ends, in the middle of a request if need be: stopping
   * the machine and resetting the device wait for the batch, and each number may be a system call.
   */
  static final int BATCH_PFNS = 2048;

  /** The most page frame numbers in one request; Linux sends 256. */
  static final int MAX_PFNS_PER_CHAIN = 65536;

  private final GuestMemory memory;
  private final BalloonBitmap bitmap;
  private final BalloonMetrics metrics;
  private final long pagesPerHostPage;
  private final RateLimitedLog log =
      new RateLimitedLog(LoggerFactory.getLogger(PfnRequests.class), "balloon");

  /** A batch ends with the first read that brings it to {@link #BATCH_PFNS}. */
  private final PageBatch batch = new PageBatch(2 * BATCH_PFNS);

  private final MemorySegment pfns =
      Arena.ofAuto().allocate((long) BATCH_PFNS * PFN_BYTES, PFN_BYTES);

  private final PfnQueue inflateQueue = new PfnQueue(this::inflateRun);
  private final PfnQueue deflateQueue = new PfnQueue(this::deflateRun);

  private volatile boolean mustTellHost;

  PfnRequests(GuestMemory memory, BalloonBitmap bitmap, BalloonMetrics metrics) {
    this.memory = memory;
    this.bitmap = bitmap;
    this.metrics = metrics;
    this.pagesPerHostPage = memory.backing().hostPageSize() / RamBlock.PAGE_SIZE;
  }

  /**
   * Starts to serve a driver.
   *
   * @param tellsHost whether the driver tells the host before it uses a page again
   */
  void activate(boolean tellsHost) {
    mustTellHost = tellsHost;
    inflateQueue.handled = 0;
    deflateQueue.handled = 0;
  }

  /**
   * Handles one batch of the inflate queue. A request that is too long for one batch stays in the
   * queue until its last page is handled. If the machine is migrated in between, the request is
   * started over at the destination, which is harmless: the pages handled before are already in the
   * right state.
   *
   * @return whether there may be more
   */
  boolean inflate(SplitVirtqueue virtqueue) throws VirtqueueException {
    return inflateQueue.process(virtqueue);
  }

  /**
   * Handles one batch of the deflate queue, as {@link #inflate} does.
   *
   * @return whether there may be more
   */
  boolean deflate(SplitVirtqueue virtqueue) throws VirtqueueException {
    return deflateQueue.process(virtqueue);
  }

  /** One of the two queues. */
  private final class PfnQueue {
    private final PageBitmap.RunConsumer<RuntimeException> change;

    /** How many bytes of the next request in the queue have been handled already. */
    private long handled;

    PfnQueue(PageBitmap.RunConsumer<RuntimeException> change) {
      this.change = change;
    }

    boolean process(SplitVirtqueue virtqueue) throws VirtqueueException {
      batch.clear();
      long taken = 0;
      boolean more = true;
      while (taken < BATCH_PFNS) {
        DescriptorChain chain = virtqueue.next();
        if (chain == null) {
          more = false;
          break;
        }
        check(chain);
        ChainReader reader = chain.reader();
        reader.skip(handled);
        while (taken < BATCH_PFNS && reader.remaining() > 0) {
          long bytes = reader.read(pfns);
          collect(bytes);
          taken += bytes / PFN_BYTES;
        }
        if (reader.remaining() > 0) {
          handled = reader.position();
          virtqueue.putBack();
        } else {
          handled = 0;
          virtqueue.complete(chain.head(), 0);
        }
      }
      batch.drainRuns(change);
      return more;
    }
  }

  private static void check(DescriptorChain chain) throws VirtqueueException {
    long bytes = chain.readableBytes();
    if (bytes % PFN_BYTES != 0
        || bytes > (long) MAX_PFNS_PER_CHAIN * PFN_BYTES
        || chain.writableBytes() != 0) {
      throw new VirtqueueException(
          "a balloon request of %d readable and %d writable bytes"
              .formatted(bytes, chain.writableBytes()));
    }
  }

  /** Adds the pages of the first {@code bytes} of {@link #pfns} to the batch. */
  private void collect(long bytes) {
    long bad = 0;
    for (long at = 0; at < bytes; at += PFN_BYTES) {
      long address = Integer.toUnsignedLong(pfns.get(U32, at)) << PFN_SHIFT;
      long offset = memory.find(address, RamBlock.PAGE_SIZE);
      if (offset < 0) {
        bad++;
        continue;
      }
      batch.add(offset / RamBlock.PAGE_SIZE);
    }
    if (bad > 0) {
      metrics.badPfns.add(bad);
      log.warn("page frame numbers outside guest RAM");
    }
  }

  private void inflateRun(long first, long count) {
    long end = first + count;
    for (long at = first, next; at < end; at = next) {
      next = endOfRun(at, end);
      if (bitmap.contains(at)) {
        metrics.repeatedPages.add(next - at);
      } else {
        takeIn(at, next);
      }
    }
  }

  /** Puts pages {@code first} to {@code end - 1} into the balloon, none of which is in it. */
  private void takeIn(long first, long end) {
    long from = wholeFrom(first, end);
    long to = wholeTo(first, end);
    if (from >= to || discard(from, to - from)) {
      bitmap.add(first, end - first);
      metrics.inflatedPages.add(end - first);
    }
  }

  /** Returns the start of the first host page that is wholly in the balloon once the pages are. */
  private long wholeFrom(long first, long end) {
    long start = first & -pagesPerHostPage;
    return start == first || completes(start, first, end) ? start : start + pagesPerHostPage;
  }

  /** Returns the end of the last host page that is wholly in the balloon once the pages are. */
  private long wholeTo(long first, long end) {
    long start = end & -pagesPerHostPage;
    return start != end && completes(start, first, end) ? start + pagesPerHostPage : start;
  }

  /**
   * Returns whether pages {@code first} to {@code end - 1} are all that the balloon lacked of the
   * host page at {@code start}. A driver that does not tell the host may already use pages that it
   * gave before (§5.5.6.1): then only those that it gives now count.
   */
  private boolean completes(long start, long first, long end) {
    long hostEnd = start + pagesPerHostPage;
    return mustTellHost
        && (start >= first || bitmap.containsAll(start, first))
        && (hostEnd <= end || bitmap.containsAll(end, hostEnd));
  }

  private boolean discard(long first, long count) {
    try {
      memory.discard(first, count);
      metrics.discards.increment();
      return true;
    } catch (IOException e) {
      // The pages count as the guest's own: a migration sends them, and nothing is lost.
      metrics.failedDiscards.increment();
      log.warn("pages not given back to the host: " + e.getMessage());
      return false;
    }
  }

  private void deflateRun(long first, long count) {
    long end = first + count;
    for (long at = first, next; at < end; at = next) {
      next = endOfRun(at, end);
      if (bitmap.contains(at)) {
        takeOut(at, next - at);
        metrics.deflatedPages.add(next - at);
      } else {
        metrics.unexpectedDeflatedPages.add(next - at);
      }
    }
  }

  /** Takes all pages out. */
  void clear() {
    bitmap.excluded().forEachRun(this::takeOut);
  }

  /** Clears bits, and then marks the pages dirty, since a migration may have left them out. */
  private void takeOut(long first, long count) {
    bitmap.remove(first, count);
    memory.markDirty(first * RamBlock.PAGE_SIZE, count * RamBlock.PAGE_SIZE);
  }

  /**
   * Returns the end of the pages from {@code page} on that are all in the balloon or all out of it.
   */
  private long endOfRun(long page, long end) {
    return bitmap.contains(page) ? bitmap.nextClear(page, end) : bitmap.nextSet(page, end);
  }
}
