package dev.ballast.virtio.balloon;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.ballast.ffi.linux.VirtioConstants;
import dev.ballast.virtio.queue.DescriptorChain;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.virtio.transport.RateLimitedLog;
import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.slf4j.LoggerFactory;

/**
 * The memory balloon (virtio v1.3 §5.5): the guest gives pages to the host and takes them back.
 * Keeps a {@link BalloonBitmap} of what the host has.
 *
 * <p>The guest sends arrays of page frame numbers: unsigned 32 bits, little-endian, in units of 4
 * KiB of guest physical address. Numbers outside guest RAM are ignored and counted; a page may come
 * twice, or come out without having gone in. Where the host's pages are larger, one is given back
 * when all its parts are in the balloon, and is the guest's again with the first part that comes
 * out.
 */
public final class BalloonDevice implements VirtioDevice {
  /**
   * VIRTIO_BALLOON_F_MUST_TELL_HOST: the driver waits for the device before it uses a page again.
   */
  public static final long MUST_TELL_HOST = 1L << VirtioConstants.BALLOON_F_MUST_TELL_HOST;

  /** VIRTIO_BALLOON_F_DEFLATE_ON_OOM: the guest may take pages when it runs out of memory. */
  public static final long DEFLATE_ON_OOM = 1L << VirtioConstants.BALLOON_F_DEFLATE_ON_OOM;

  /** The number of the queue by which the guest gives pages. */
  public static final int INFLATE_QUEUE = 0;

  /** The number of the queue by which the guest takes pages back. */
  public static final int DEFLATE_QUEUE = 1;

  private static final int DEVICE_ID = VirtioConstants.ID_BALLOON;
  private static final int QUEUE_SIZE = 256;
  private static final int PFN_SHIFT = VirtioConstants.BALLOON_PFN_SHIFT;
  private static final int PFN_BYTES = Integer.BYTES;
  private static final ValueLayout.OfInt PFN =
      JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  /**
   * After how many page frame numbers a batch ends, in the middle of a request if need be: who
   * stops the machine or resets the device waits for it, and each may be a system call.
   */
  static final int BATCH_PFNS = 2048;

  /** The most page frame numbers in one request; Linux sends 256. */
  static final int MAX_PFNS_PER_CHAIN = 65536;

  private static final int CONFIG_BYTES = 8;
  private static final int ACTUAL_OFFSET = VirtioConstants.BALLOON_CONFIG_ACTUAL;

  private final GuestMemory memory;
  private final long ramPages;
  private final long pagesPerHostPage;
  private final long features;
  private final BalloonBitmap bitmap;
  private final BalloonMetrics metrics = new BalloonMetrics();
  private final RateLimitedLog log =
      new RateLimitedLog(LoggerFactory.getLogger(BalloonDevice.class), "balloon");
  private final PageBatch batch = new PageBatch(2 * BATCH_PFNS);
  private final MemorySegment pfns =
      Arena.ofAuto().allocate((long) BATCH_PFNS * PFN_BYTES, PFN_BYTES);

  /** By queue: how many bytes of the request that is next in it are handled already. */
  private final long[] handled = new long[2];

  private final PageBatch.RunConsumer inflateRun = this::inflateRun;
  private final PageBatch.RunConsumer deflateRun = this::deflateRun;

  private final AtomicInteger actual = new AtomicInteger();
  private volatile int target;
  private volatile boolean mustTellHost;
  private volatile Runnable configChanged = () -> {};
  private volatile LongConsumer actualChanged = pages -> {};

  /**
   * Makes a balloon that is empty.
   *
   * @param memory guest RAM
   * @param config what to offer
   */
  public BalloonDevice(GuestMemory memory, BalloonConfig config) {
    this.memory = memory;
    this.ramPages = memory.size() / RamBlock.PAGE_SIZE;
    this.pagesPerHostPage = memory.backing().hostPageSize() / RamBlock.PAGE_SIZE;
    this.features =
        (config.mustTellHost() ? MUST_TELL_HOST : 0)
            | (config.deflateOnOom() ? DEFLATE_ON_OOM : 0)
            | VirtioFeature.INDIRECT_DESC
            | VirtioFeature.EVENT_IDX;
    this.bitmap = new BalloonBitmap(ramPages);
    noDriver();
  }

  // ---- the host's side

  /** Returns which pages are in the balloon. */
  public BalloonBitmap bitmap() {
    return bitmap;
  }

  /** Returns what the balloon has done. */
  public BalloonMetrics metrics() {
    return metrics;
  }

  /**
   * Asks the guest to bring the balloon to a size, and returns at once. Any thread.
   *
   * @param pages of 4 KiB, from 0 to {@link #maxTargetPages}
   * @throws IllegalArgumentException if there are more pages than that
   */
  public void setTarget(long pages) {
    if (pages < 0 || pages > maxTargetPages()) {
      throw new IllegalArgumentException(
          "balloon target of " + pages + " pages, expected 0 to " + maxTargetPages());
    }
    target = (int) pages;
    configChanged.run();
  }

  /**
   * Returns the largest size that can be asked for: all of RAM, or what {@code num_pages} holds.
   */
  public long maxTargetPages() {
    return Math.min(ramPages, 0xffff_ffffL);
  }

  /** Returns the size asked for, in 4 KiB pages. */
  public long targetPages() {
    return Integer.toUnsignedLong(target);
  }

  /**
   * Returns the size that the guest claims, in 4 KiB pages, 0 to 2^32 - 1. The guest may write
   * anything here: it is for people, nothing may be sized by it.
   */
  public long actualPages() {
    return Integer.toUnsignedLong(actual.get());
  }

  /** Returns the size of RAM less what the guest claims to have given, in bytes, at least 0. */
  public long logicalBytes() {
    return (ramPages - Math.min(ramPages, actualPages())) * RamBlock.PAGE_SIZE;
  }

  /**
   * Takes what hears of every change of {@link #actualPages}. It is called on vCPU threads and must
   * return at once. There is one; a second call replaces it.
   */
  public void onActualChange(LongConsumer listener) {
    actualChanged = listener;
  }

  // ---- the driver's side

  @Override
  public int deviceId() {
    return DEVICE_ID;
  }

  @Override
  public long features() {
    return features;
  }

  @Override
  public int queueCount() {
    return 2;
  }

  @Override
  public int maxQueueSize(int queue) {
    return QUEUE_SIZE;
  }

  @Override
  public void onConfigChange(Runnable notify) {
    configChanged = notify;
  }

  /** {@inheritDoc} {@code num_pages} and {@code actual}, 32 bits each (§5.5.4). */
  @Override
  public long readConfig(long offset, int size) {
    if (offset >= CONFIG_BYTES) {
      return 0;
    }
    long value = (targetPages() | (actualPages() << 32)) >>> (offset * Byte.SIZE);
    return size == Long.BYTES ? value : value & ((1L << (size * Byte.SIZE)) - 1);
  }

  @Override
  public void writeConfig(long offset, int size, long value) {
    int mask = 0;
    int bits = 0;
    for (int i = 0; i < size; i++) {
      long at = offset + i - ACTUAL_OFFSET;
      if (at >= 0 && at < Integer.BYTES) {
        int shift = (int) at * Byte.SIZE;
        mask |= 0xff << shift;
        bits |= (int) ((value >>> (i * Byte.SIZE)) & 0xff) << shift;
      }
    }
    int keep = ~mask;
    int add = bits;
    changeActual(actual.getAndUpdate(old -> (old & keep) | add));
  }

  private void changeActual(int before) {
    if (before != actual.get()) {
      actualChanged.accept(actualPages());
    }
  }

  @Override
  public void activate(long negotiated) {
    mustTellHost = (negotiated & MUST_TELL_HOST) != 0;
    Arrays.fill(handled, 0);
    bitmap.setInactiveReason(
        mustTellHost ? null : "the driver did not negotiate VIRTIO_BALLOON_F_MUST_TELL_HOST");
  }

  private void noDriver() {
    bitmap.setInactiveReason("no driver uses the balloon");
  }

  /**
   * {@inheritDoc} A request that is too long for one batch stays in the queue until its last page
   * is handled. Should the machine move in between, the request is begun again there, which changes
   * nothing: the pages before are as they are to be.
   */
  @Override
  public boolean process(int queue, SplitVirtqueue virtqueue) throws VirtqueueException {
    PageBatch.RunConsumer change = queue == INFLATE_QUEUE ? inflateRun : deflateRun;
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
      chain.skip(handled[queue]);
      long got = 1;
      while (taken < BATCH_PFNS && got > 0) {
        got = chain.read(pfns);
        collect(got, change);
        handled[queue] += got;
        taken += got / PFN_BYTES;
      }
      if (handled[queue] < chain.readableBytes()) {
        virtqueue.putBack();
      } else {
        handled[queue] = 0;
        virtqueue.complete(chain.head(), 0);
      }
    }
    batch.drainRuns(change);
    return more;
  }

  private static void check(DescriptorChain chain) throws VirtqueueException {
    long bytes = chain.readableBytes();
    if (bytes % PFN_BYTES != 0
        || bytes > (long) MAX_PFNS_PER_CHAIN * PFN_BYTES
        || chain.writableBytes() != 0) {
      throw new VirtqueueException(
          String.format(
              "a balloon request of %d readable and %d writable bytes",
              bytes, chain.writableBytes()));
    }
  }

  /** Adds the pages of the first {@code bytes} of {@link #pfns} to the batch. */
  private void collect(long bytes, PageBatch.RunConsumer change) {
    long bad = 0;
    for (long at = 0; at < bytes; at += PFN_BYTES) {
      long address = Integer.toUnsignedLong(pfns.get(PFN, at)) << PFN_SHIFT;
      long offset = memory.find(address, RamBlock.PAGE_SIZE);
      if (offset < 0) {
        bad++;
        continue;
      }
      if (batch.isFull()) {
        batch.drainRuns(change);
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
      next = endOfAlike(at, end);
      if (bitmap.contains(at)) {
        metrics.repeatedPages.add(next - at);
      } else {
        inflate(at, next);
      }
    }
  }

  /** Takes in pages that were not in the balloon; {@code end} is the first that is not meant. */
  private void inflate(long first, long end) {
    long from = wholeFrom(first, end);
    long to = wholeTo(first, end);
    if (from >= to || discard(from, to - from)) {
      bitmap.add(first, end - first);
      metrics.inflatedPages.add(end - first);
    }
  }

  /** The start of the first host page that is in the balloon as a whole once the pages are. */
  private long wholeFrom(long first, long end) {
    long start = first & -pagesPerHostPage;
    return start == first || completes(start, first, end) ? start : start + pagesPerHostPage;
  }

  /** The end of the last host page that is in the balloon as a whole once the pages are. */
  private long wholeTo(long first, long end) {
    long start = end & -pagesPerHostPage;
    return start != end && completes(start, first, end) ? start + pagesPerHostPage : start;
  }

  /**
   * Tells whether pages {@code first} to {@code end} are all that the balloon lacked of the host
   * page at {@code start}. A driver that does not tell the host may use what it gave before already
   * (§5.5.6.1): then only what it gives now counts.
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
      // The pages count as the guest's own: they are not left out of a migration, and nothing is
      // lost.
      metrics.failedDiscards.increment();
      log.warn("pages not given back to the host: " + e.getMessage());
      return false;
    }
  }

  private void deflateRun(long first, long count) {
    long end = first + count;
    for (long at = first, next; at < end; at = next) {
      next = endOfAlike(at, end);
      if (bitmap.contains(at)) {
        takeOut(at, next - at);
        metrics.deflatedPages.add(next - at);
      } else {
        metrics.strayDeflatedPages.add(next - at);
      }
    }
  }

  /** Clears bits; then a migration that left the pages out has to hear of them. */
  private void takeOut(long first, long count) {
    bitmap.remove(first, count);
    memory.markDirty(first * RamBlock.PAGE_SIZE, count * RamBlock.PAGE_SIZE);
  }

  /**
   * The first page before {@code end} whose bit is not like that of {@code page}, or {@code end}.
   */
  private long endOfAlike(long page, long end) {
    boolean in = bitmap.contains(page);
    long next = page + 1;
    while (next < end && bitmap.contains(next) == in) {
      next++;
    }
    return next;
  }

  /** {@inheritDoc} The new driver, or kernel, knows of no balloon and will deflate nothing. */
  @Override
  public void reset() {
    noDriver();
    bitmap.excluded().forEachRun(this::takeOut);
    changeActual(actual.getAndSet(0));
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    new BalloonState(targetPages(), actualPages()).write(writer);
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    BalloonState state = BalloonState.read(reader, maxTargetPages());
    target = (int) state.targetPages();
    actual.set((int) state.actualPages());
  }
}
