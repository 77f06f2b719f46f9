package dev.ballast.migration.source;

import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.MemoryDigest;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The passes over RAM: fetches dirty logs and sends the pages in them, repeatedly, until the rest
 * is small enough for the guest to be stopped. One thread.
 */
final class PrecopyLoop {
  private static final Logger log = LoggerFactory.getLogger(PrecopyLoop.class);

  private final List<SendingBlock> blocks = new ArrayList<>();

  /** Send over the migration's own connection if there are no further streams. */
  private final List<RamSender> senders = new ArrayList<>();

  private final List<RamBlock> logged = new ArrayList<>();
  private final SendingStreams streams;
  private final FrameWriter writer;
  private final ConvergencePolicy policy;
  private final ProgressCounters counters;
  private final MigrationListener listener;
  private final IoAction check;
  private final IntConsumer throttle;
  private final IoAction measureState;
  private @Nullable BitmapSender bitmap;
  private @Nullable PageFilter filter;
  private long lastSync;
  private long lastPass;

  /**
   * @param connection the migration's own
   * @param streams connections for pages besides that; there may be none
   * @param policy decides when the guest is stopped
   * @param counters of the migration
   * @param listener called when a pass starts
   * @param throttle sets the share of the time that the guest's vCPUs are stopped, in percent
   * @param measureState tells the policy how long it takes to save the vCPUs' state
   */
  PrecopyLoop(
      SourceConnection connection,
      SendingStreams streams,
      ConvergencePolicy policy,
      ProgressCounters counters,
      MigrationListener listener,
      IntConsumer throttle,
      IoAction measureState) {
    this.streams = streams;
    this.writer = connection.writer();
    this.check = connection::checkPeer;
    this.policy = policy;
    this.counters = counters;
    this.listener = listener;
    this.throttle = throttle;
    this.measureState = measureState;
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
    SendingBlock sending = new SendingBlock(number, block, candidates);
    blocks.add(sending);
    senders.add(new RamSender(sending, writer, counters, check));
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

  /** Starts the dirty logs, before any page is read, and the further streams. */
  void start() throws IOException {
    streams.start(blocks, counters);
    for (SendingBlock sending : blocks) {
      startLog(sending.block());
    }
    if (bitmap != null) {
      startLog(bitmap.block());
    }
  }

  private void startLog(RamBlock block) throws IOException {
    // Recorded first: a log that failed half-way to start is stopped, too.
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
   * Frees the host memory of bitmaps, since the object of a finished migration is kept to report
   * its progress.
   */
  void release() throws IOException {
    for (SendingBlock sending : blocks) {
      sending.release();
    }
    if (bitmap != null) {
      bitmap.release();
    }
  }

  /**
   * Sends all of RAM, and then what is dirtied, until the policy decides to stop the guest.
   *
   * @throws IOException also if the policy gives up
   */
  void runUntilConverged() throws IOException {
    measureState.run();
    sync();
    boolean converged = false;
    while (!converged) {
      pass(false);
      if (policy.stateExceedsLimit()) {
        measureState.run();
      }
      sync();
      converged =
          switch (policy.decide(counters.passes(), counters.bytesRemaining())) {
            case ConvergencePolicy.Decision.SwitchOver() -> true;
            case ConvergencePolicy.Decision.AnotherPass() -> false;
            case ConvergencePolicy.Decision.GiveUp(String reason) -> throw new IOException(reason);
          };
      slowDown(policy.throttlePercentage());
    }
  }

  private void slowDown(int percent) {
    if (percent != counters.throttlePercentage()) {
      log.info("vCPUs are stopped for {} % of the time, so that the rest shrinks", percent);
      throttle.accept(percent);
      counters.throttled(percent);
    }
  }

  /** Lets the guest run freely again. */
  void endThrottle() {
    throttle.accept(0);
    counters.throttled(0);
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
    for (SendingBlock sending : blocks) {
      if (sending.block().name().equals(RamBlock.RAM)) {
        PageBitmap excluded = filter == null ? null : filter.excluded();
        DigestSender.send(sending.number(), new MemoryDigest(sending.block(), excluded), writer);
      }
    }
    check.run();
  }

  private void sync() throws IOException {
    long now = System.nanoTime();
    for (SendingBlock sending : blocks) {
      writer.keepAlive();
      sending.candidates().fetch();
    }
    // After the blocks: if a page that left the balloon is sent in this pass, its bit must be sent
    // in this pass too, or the destination would discard the page as stale. The bitmap is marked
    // before the page.
    if (bitmap != null) {
      bitmap.sync();
    }
    checkFilter();
    long candidates = 0;
    for (SendingBlock sending : blocks) {
      RefineResult found = sending.candidates().refine(writer::keepAlive);
      candidates += found.candidates();
      if (lastSync == 0) {
        counters.leftOut(found);
      }
    }
    counters.remaining(candidates);
    counters.expectedDowntime(policy.expectedMillis(counters.bytesRemaining()));
    // After two syncs without a pass between them, the candidates of the first are still there.
    boolean passed = counters.passes() != lastPass;
    counters.synced(candidates, passed ? now - lastSync : 0);
    lastSync = now;
    lastPass = counters.passes();
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
    counters.skipBalloon(false, reason);
    blocks.forEach(sending -> sending.candidates().excludeNothing());
    if (bitmap != null) {
      bitmap.sendAsEmpty();
    }
  }

  private void checkAndKeepAlive() throws IOException {
    check.run();
    writer.keepAlive();
  }

  private void pass(boolean last) throws IOException {
    long pass = counters.passStarted();
    listener.passStarted(pass);
    // Before compression, like the remaining bytes.
    long bytesBefore = counters.contentBytes();
    long start = System.nanoTime();
    blocks.forEach(SendingBlock::startPass);
    if (streams.isEmpty()) {
      for (RamSender sender : senders) {
        sender.sendPass(last);
      }
    } else {
      streams.sendPass(pass, last, this::checkAndKeepAlive);
    }
    if (bitmap != null) {
      counters.bitmap(bitmap.sendPass(), last);
    }
    writer.passEnd(pass, last);
    writer.flush();
    check.run();
    policy.measured(counters.contentBytes() - bytesBefore, System.nanoTime() - start);
    log.debug("pass {}: {} bytes", pass, counters.contentBytes() - bytesBefore);
  }
}
