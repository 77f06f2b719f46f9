package dev.ballast.virtio.balloon;

import static dev.ballast.vmm.memory.LittleEndian.U16;
import static dev.ballast.vmm.memory.LittleEndian.U64;

import dev.ballast.virtio.queue.DescriptorChain;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Clock;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The guest's reports of its memory (virtio v1.3 §5.5.6.3). The driver makes one buffer available,
 * with a report in it; the device holds it, and requests the next report by returning it.
 *
 * <p>No caller waits for the guest: a request is only recorded, and carried out by the queues'
 * thread when it has a buffer. A request that is still pending is not made twice.
 */
public final class BalloonStatistics {
  /** The longest polling interval, in seconds. */
  public static final long MAX_INTERVAL = 0xffff_ffffL;

  /** No buffer is held. */
  static final int NONE = -1;

  /** A tag of 16 bits and a value of 64, packed. */
  static final int ENTRY_BYTES = Short.BYTES + Long.BYTES;

  /** How many entries of a buffer are looked at; Linux sends up to 16. */
  static final int MAX_ENTRIES = 64;

  private final MemorySegment entries = Arena.ofAuto().allocate((long) MAX_ENTRIES * ENTRY_BYTES);
  private final AtomicBoolean wanted = new AtomicBoolean();
  private volatile MemoryReport latest = MemoryReport.NONE;
  private volatile boolean negotiated;

  /** The head of the chain that is to be given back next. With the queues' lock held. */
  private int held = NONE;

  private volatile Runnable wake = () -> {};

  // Guarded by the monitor, which is taken before the queues' lock, never after.
  private @Nullable ScheduledThreadPoolExecutor timer;
  private volatile long interval;
  private boolean closed;

  BalloonStatistics() {}

  // ---- the host's side

  /** Returns the last report; {@link MemoryReport#NONE} until there is one. Any thread. */
  public MemoryReport latest() {
    return latest;
  }

  /** Returns the polling interval in seconds, 0 for no polling. Any thread. */
  public long interval() {
    return interval;
  }

  /**
   * Sets the polling interval. If there was no polling before, the first request is made at once.
   * Resets of the guest and migrations do not change the interval. Any thread; returns at once;
   * does nothing after {@link #close}.
   *
   * @param seconds between two requests, at most {@link #MAX_INTERVAL}; 0 for no polling
   * @throws IllegalArgumentException if it is out of range
   */
  public synchronized void setInterval(long seconds) {
    if (seconds < 0 || seconds > MAX_INTERVAL) {
      throw new IllegalArgumentException(
          "polling interval of " + seconds + " s, expected 0 to " + MAX_INTERVAL);
    }
    if (seconds == interval || closed) {
      return;
    }
    long delay = interval == 0 ? 0 : seconds;
    interval = seconds;
    stopTimer();
    if (seconds > 0) {
      ScheduledThreadPoolExecutor started =
          new ScheduledThreadPoolExecutor(
              1, Thread.ofPlatform().daemon().name("balloon-statistics").factory());
      var _ = started.scheduleWithFixedDelay(this::tick, delay, seconds, TimeUnit.SECONDS);
      timer = started;
    }
  }

  private void stopTimer() {
    if (timer != null) {
      timer.shutdownNow();
      timer = null;
    }
  }

  private synchronized void tick() {
    if (interval != 0) {
      ask();
    }
  }

  /** Requests one report, which {@link #latest} returns once the guest has sent it. */
  void ask() {
    wanted.set(true);
    wake.run();
  }

  /** Registers a callback that requests a call of {@link #process}. */
  void onAsk(Runnable newWake) {
    wake = newWake;
  }

  /** Stops polling for good. */
  synchronized void close() {
    closed = true;
    interval = 0;
    stopTimer();
  }

  // ---- the driver's side, with the queues' lock held or no driver there

  void activate(boolean isNegotiated) {
    negotiated = isNegotiated;
  }

  /**
   * Takes one buffer, and returns one if a report is requested; returns whether there may be more.
   */
  boolean process(SplitVirtqueue queue) throws VirtqueueException {
    if (queue.inFlight() == 0) {
      // A state from elsewhere may say that a buffer is held, and have none in its queue.
      held = NONE;
    }
    DescriptorChain chain = queue.next();
    if (chain != null) {
      take(chain, queue);
    }
    if (held != NONE && wanted.getAndSet(false)) {
      giveBack(queue);
    }
    return chain != null;
  }

  private void take(DescriptorChain chain, SplitVirtqueue queue) throws VirtqueueException {
    if (!negotiated) {
      throw new VirtqueueException("statistics without VIRTIO_BALLOON_F_STATS_VQ");
    }
    if (chain.writableBytes() != 0) {
      throw new VirtqueueException(
          "statistics in a buffer with " + chain.writableBytes() + " writable bytes");
    }
    read(chain.reader().read(entries));
    // The driver has at most one buffer here (§5.5.6.3.1); one that has two gets the first back.
    giveBack(queue);
    held = chain.head();
  }

  /** Reads the complete entries. A driver may start with an empty buffer, which is no report. */
  private void read(long bytes) {
    Map<MemoryStatistic, Long> values = new EnumMap<>(MemoryStatistic.class);
    for (long at = 0; at + ENTRY_BYTES <= bytes; at += ENTRY_BYTES) {
      long value = entries.get(U64, at + Short.BYTES);
      MemoryStatistic.ofTag(Short.toUnsignedInt(entries.get(U16, at)))
          .ifPresent(statistic -> values.put(statistic, value));
    }
    if (bytes >= ENTRY_BYTES) {
      latest = new MemoryReport(values, Instant.now(Clock.systemUTC()));
    }
  }

  private void giveBack(SplitVirtqueue queue) {
    if (held != NONE) {
      queue.complete(held, 0);
      held = NONE;
    }
  }

  /** Forgets the held buffer, which is the driver's again, and the last report. */
  void reset() {
    negotiated = false;
    held = NONE;
    latest = MemoryReport.NONE;
  }

  /** Returns the head of the chain that is held, or {@link #NONE}. */
  int held() {
    return held;
  }

  /** Restores the saved state of another device; {@link #activate} follows if there is a driver. */
  void restore(long newInterval, int newHeld) {
    held = newHeld;
    setInterval(newInterval);
  }
}
