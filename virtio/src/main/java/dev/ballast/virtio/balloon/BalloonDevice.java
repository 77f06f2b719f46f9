package dev.ballast.virtio.balloon;

import dev.ballast.ffi.linux.VirtioConstants;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.virtio.transport.ConfigSpace;
import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.Optional;
import java.util.function.IntConsumer;
import java.util.function.LongConsumer;

/**
 * The memory balloon (virtio v1.3 §5.5): the guest gives pages to the host and takes them back.
 * Keeps a {@link BalloonBitmap} of the pages that were given. The guest can report how it uses its
 * memory: {@link BalloonStatistics}.
 *
 * <p>The guest sends arrays of page frame numbers: unsigned 32 bits, little-endian, in units of 4
 * KiB of guest physical address. Numbers outside guest RAM are ignored and counted; a page may be
 * inflated twice, or deflated without having been inflated. Where the host's pages are larger, one
 * is given back when all its parts are in the balloon, and is the guest's again as soon as one part
 * is deflated.
 */
public final class BalloonDevice implements VirtioDevice {
  /**
   * VIRTIO_BALLOON_F_MUST_TELL_HOST: the driver waits for the device before it uses a page again.
   */
  public static final long MUST_TELL_HOST = 1L << VirtioConstants.BALLOON_F_MUST_TELL_HOST;

  /** VIRTIO_BALLOON_F_STATS_VQ: the driver reports on request how the guest uses its memory. */
  public static final long STATS_VQ = 1L << VirtioConstants.BALLOON_F_STATS_VQ;

  /** VIRTIO_BALLOON_F_DEFLATE_ON_OOM: the guest may take pages back when it runs out of memory. */
  public static final long DEFLATE_ON_OOM = 1L << VirtioConstants.BALLOON_F_DEFLATE_ON_OOM;

  /** The number of the queue through which the guest gives pages. */
  public static final int INFLATE_QUEUE = 0;

  /** The number of the queue through which the guest takes pages back. */
  public static final int DEFLATE_QUEUE = 1;

  /**
   * The number of the queue for the guest's reports of its memory; present if {@link #STATS_VQ} is
   * offered. The queues of further features would follow (§5.5.2).
   */
  public static final int STATS_QUEUE = 2;

  static final int QUEUE_SIZE = 256;

  private static final int DEVICE_ID = VirtioConstants.ID_BALLOON;

  private static final int CONFIG_BYTES = 8;
  private static final int NUM_PAGES = 0;
  private static final int ACTUAL = VirtioConstants.BALLOON_CONFIG_ACTUAL;

  private final long ramPages;
  private final long features;
  private final BalloonBitmap bitmap;
  private final BalloonMetrics metrics = new BalloonMetrics();
  private final PfnRequests pages;
  private final BalloonStatistics statistics;

  /** {@code num_pages} and {@code actual}, 32 bits each (§5.5.4). */
  private final ConfigSpace config = new ConfigSpace(CONFIG_BYTES).writable(ACTUAL, Integer.BYTES);

  private volatile boolean hasDriver;
  private volatile Runnable configChanged = () -> {};
  private volatile LongConsumer actualChanged = claimed -> {};

  /**
   * Creates an empty balloon.
   *
   * @param memory guest RAM
   * @param config the features to offer
   */
  public BalloonDevice(GuestMemory memory, BalloonConfig config) {
    this.ramPages = memory.size() / RamBlock.PAGE_SIZE;
    this.features =
        (config.mustTellHost() ? MUST_TELL_HOST : 0)
            | (config.stats() ? STATS_VQ : 0)
            | (config.deflateOnOom() ? DEFLATE_ON_OOM : 0)
            | VirtioFeature.INDIRECT_DESC
            | VirtioFeature.EVENT_IDX;
    this.bitmap = new BalloonBitmap(ramPages);
    this.pages = new PfnRequests(memory, bitmap, metrics);
    this.statistics = new BalloonStatistics();
    noDriver();
  }

  // ---- the host's side

  /** Returns which pages are in the balloon. */
  public BalloonBitmap bitmap() {
    return bitmap;
  }

  /** Returns the counters of this balloon. */
  public BalloonMetrics metrics() {
    return metrics;
  }

  /** Returns the guest's reports of its memory; empty when {@link #STATS_VQ} is not offered. */
  public Optional<BalloonStatistics> statistics() {
    return offersStatistics() ? Optional.of(statistics) : Optional.empty();
  }

  private boolean offersStatistics() {
    return (features & STATS_VQ) != 0;
  }

  /**
   * Sets the size that the guest is asked to bring the balloon to ({@code num_pages}); returns at
   * once. Any thread.
   *
   * @param pages the size in 4 KiB pages, 0 to {@link #maxTargetPages}
   * @throws IllegalArgumentException if it is out of range
   */
  public void setTarget(long pages) {
    if (pages < 0 || pages > maxTargetPages()) {
      throw new IllegalArgumentException(
          "balloon target of " + pages + " pages, expected 0 to " + maxTargetPages());
    }
    config.u32(NUM_PAGES, (int) pages);
    configChanged.run();
  }

  /**
   * Returns the largest target in 4 KiB pages: all of RAM, but at most 2^32 - 1, the largest value
   * of {@code num_pages}.
   */
  public long maxTargetPages() {
    return Math.min(ramPages, 0xffff_ffffL);
  }

  /** Returns the target that was set last, in 4 KiB pages. */
  public long targetPages() {
    return Integer.toUnsignedLong(config.u32(NUM_PAGES));
  }

  /**
   * Returns the size that the guest claims ({@code actual}), in 4 KiB pages, 0 to 2^32 - 1. The
   * guest may write any value: use it for display only, never as a size.
   */
  public long actualPages() {
    return Integer.toUnsignedLong(config.u32(ACTUAL));
  }

  /** Returns the size of RAM less what the guest claims to have given, in bytes, at least 0. */
  public long logicalBytes() {
    return (ramPages - Math.min(ramPages, actualPages())) * RamBlock.PAGE_SIZE;
  }

  /** Returns whether a driver has set DRIVER_OK since the last reset. Any thread. */
  public boolean hasDriver() {
    return hasDriver;
  }

  /**
   * Sets the listener for changes of {@link #actualPages}, replacing any earlier one. It receives
   * the new value, is called on vCPU threads and on the thread that resets the machine, and must
   * not block.
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
    return offersStatistics() ? STATS_QUEUE + 1 : DEFLATE_QUEUE + 1;
  }

  @Override
  public int maxQueueSize(int queue) {
    return QUEUE_SIZE;
  }

  @Override
  public void onConfigChange(Runnable notify) {
    configChanged = notify;
  }

  @Override
  public void onQueueWork(IntConsumer request) {
    statistics.onAsk(() -> request.accept(STATS_QUEUE));
  }

  @Override
  public ConfigSpace config() {
    return config;
  }

  /** {@inheritDoc} Only {@code actual} is writable. */
  @Override
  public void configWritten() {
    actualChanged.accept(actualPages());
  }

  @Override
  public void activate(long negotiated) {
    boolean mustTellHost = (negotiated & MUST_TELL_HOST) != 0;
    pages.activate(mustTellHost);
    statistics.activate((negotiated & STATS_VQ) != 0);
    bitmap.setInactiveReason(
        mustTellHost ? null : "the driver did not negotiate VIRTIO_BALLOON_F_MUST_TELL_HOST");
    hasDriver = true;
  }

  private void noDriver() {
    hasDriver = false;
    bitmap.setInactiveReason("no driver uses the balloon");
  }

  @Override
  public boolean process(int queue, SplitVirtqueue virtqueue) throws VirtqueueException {
    return switch (queue) {
      case INFLATE_QUEUE -> pages.inflate(virtqueue);
      case DEFLATE_QUEUE -> pages.deflate(virtqueue);
      default -> statistics.process(virtqueue);
    };
  }

  /**
   * {@inheritDoc} Empties the balloon: the next driver knows nothing of its pages and will not
   * deflate them.
   */
  @Override
  public void reset() {
    noDriver();
    pages.clear();
    statistics.reset();
    if (config.u32(ACTUAL, 0) != 0) {
      actualChanged.accept(0);
    }
  }

  @Override
  public int stateVersion() {
    return BalloonState.VERSION;
  }

  @Override
  public void saveState(StateWriter writer) {
    new BalloonState(targetPages(), actualPages(), statistics.interval(), statistics.held())
        .write(writer);
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    BalloonState state = BalloonState.read(reader, version, maxTargetPages());
    if (!offersStatistics() && state.usesStatistics()) {
      throw reader.fail("statistics are polled, and not offered here");
    }
    config.u32(NUM_PAGES, (int) state.targetPages());
    config.u32(ACTUAL, (int) state.actualPages());
    statistics.restore(state.statsInterval(), state.heldStats());
  }

  @Override
  public void close() {
    statistics.close();
  }
}
