package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.MemoryDigest;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The passes over RAM: fetches dirty logs, sends what is in them, and again, until the rest is
 * small enough for the guest to be stopped. One thread.
 */
final class PrecopyLoop {
  private static final Logger log = LoggerFactory.getLogger(PrecopyLoop.class);

  private final List<RamSender> senders = new ArrayList<>();
  private final List<RamBlock> logged = new ArrayList<>();
  private final MigrationChannel channel;
  private final FrameWriter writer;
  private final ConvergencePolicy policy;
  private final ProgressCounters counters;
  private final MigrationListener listener;
  private final RamSender.Check check;
  private final IntConsumer throttle;
  private @Nullable BitmapSender bitmap;
  private @Nullable PageFilter filter;
  private long lastSync;

  PrecopyLoop(
      MigrationChannel channel,
      FrameWriter writer,
      ConvergencePolicy policy,
      ProgressCounters counters,
      MigrationListener listener,
      RamSender.Check check,
      IntConsumer throttle) {
    this.channel = channel;
    this.writer = writer;
    this.policy = policy;
    this.counters = counters;
    this.listener = listener;
    this.check = check;
    this.throttle = throttle;
  }

  /**
   * Adds a block.
   *
   * @param number of the block in frame headers
   * @param block the block
   * @param exclude what to leave out of it; null for nothing
   */
  void addRam(int number, RamBlock block, @Nullable PageFilter exclude) {
    if (exclude != null) {
      filter = exclude;
    }
    CandidateSet candidates = new CandidateSet(block, exclude == null ? null : exclude.excluded());
    senders.add(new RamSender(number, block, candidates, writer, counters));
  }

  /**
   * Adds the balloon bitmap.
   *
   * @param number of the block in frame headers
   * @param block the block
   * @param bits how many bits the bitmap has
   */
  void addBitmap(int number, RamBlock block, long bits) {
    bitmap = new BitmapSender(number, block, bits, writer);
  }

  /** Starts dirty logs, before any page is read. */
  void startLogs() throws IOException {
    for (RamSender sender : senders) {
      startLog(sender.block());
    }
    if (bitmap != null) {
      startLog(bitmap.block());
    }
  }

  private void startLog(RamBlock block) throws IOException {
    // Noted first: a log that failed to start half-way is stopped, too.
    logged.add(block);
    block.startDirtyLog();
  }

  /** Stops the dirty logs that were started. Does all it can even if one cannot be stopped. */
  void stopLogs() throws IOException {
    IOException failure = null;
    for (RamBlock block : logged) {
      try {
        block.stopDirtyLog();
      } catch (IOException e) {
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    logged.clear();
    if (failure != null) {
      throw failure;
    }
  }

  /**
   * Sends all of RAM, and then what is dirtied, until the policy wants the guest to be stopped.
   *
   * @throws IOException also if the policy gives up
   */
  void runUntilConverged() throws IOException {
    sync();
    for (RamSender sender : senders) {
      sender.candidates().addAll();
      counters.skipped(sender.candidates().exclude());
    }
    countRemaining();
    boolean converged = false;
    while (!converged) {
      pass(false);
      sync();
      converged =
          switch (policy.decide(counters.passes, counters.bytesRemaining())) {
            case ConvergencePolicy.Decision.SwitchOver() -> true;
            case ConvergencePolicy.Decision.AnotherPass() -> false;
            case ConvergencePolicy.Decision.GiveUp(String reason) -> throw new IOException(reason);
          };
      slowDown(policy.throttlePercentage());
    }
  }

  private void slowDown(int percent) {
    if (percent != counters.throttlePercentage) {
      log.info("vCPUs are stopped for {} % of the time, so that the rest shrinks", percent);
      throttle.accept(percent);
      counters.throttlePercentage = percent;
    }
  }

  /** Lets the guest run freely again. */
  void endThrottle() {
    throttle.accept(0);
    counters.throttlePercentage = 0;
  }

  /** Sends the rest. The guest is stopped, and nothing writes to its memory any more. */
  void finish() throws IOException {
    sync();
    pass(true);
  }

  /**
   * Sends digests of guest RAM without the ballooned pages. The guest is stopped and all is sent.
   */
  void sendDigests() throws IOException {
    for (RamSender sender : senders) {
      if (sender.block().name().equals(RamBlock.RAM)) {
        PageBitmap excluded = filter == null ? null : filter.excluded();
        DigestSender.send(sender.number(), new MemoryDigest(sender.block(), excluded), writer);
      }
    }
    check.check();
  }

  private void sync() throws IOException {
    long now = System.nanoTime();
    long dirty = 0;
    for (RamSender sender : senders) {
      dirty += sender.candidates().sync();
    }
    if (bitmap != null) {
      bitmap.sync();
    }
    checkFilter();
    for (RamSender sender : senders) {
      sender.candidates().exclude();
    }
    countRemaining();
    counters.synced(dirty, lastSync == 0 ? 0 : now - lastSync);
    lastSync = now;
  }

  private void countRemaining() {
    long remaining = 0;
    for (RamSender sender : senders) {
      remaining += sender.candidates().count();
    }
    counters.pagesRemaining = remaining;
    counters.expectedDowntimeMillis = policy.expectedMillis(counters.bytesRemaining());
  }

  /**
   * The guest may have reset the balloon and negotiated it anew, so that a page with its bit set
   * may be in use: then everything is sent, and the destination starts with an empty bitmap.
   */
  private void checkFilter() {
    if (filter == null) {
      return;
    }
    Optional<String> inactive = filter.inactiveReason();
    if (inactive.isEmpty()) {
      return;
    }
    String reason = "since the migration began: " + inactive.get();
    log.warn("{} is off {}", filter.name(), reason);
    filter = null;
    counters.skipActive = false;
    counters.skipReason = reason;
    senders.forEach(sender -> sender.candidates().excludeNothing());
    if (bitmap != null) {
      bitmap.sendAsEmpty();
    }
  }

  private void pass(boolean last) throws IOException {
    counters.passStarted();
    listener.passStarted(counters.passes);
    long bytesBefore = channel.bytesWritten();
    long start = System.nanoTime();
    boolean first = counters.passes == 1;
    for (RamSender sender : senders) {
      sender.sendPass(first, check);
    }
    if (bitmap != null) {
      counters.bitmap(bitmap.sendPass(), last);
    }
    writer.passEnd(counters.passes, last);
    writer.flush();
    check.check();
    policy.measured(channel.bytesWritten() - bytesBefore, System.nanoTime() - start);
    log.debug("pass {}: {} bytes", counters.passes, channel.bytesWritten() - bytesBefore);
  }
}
