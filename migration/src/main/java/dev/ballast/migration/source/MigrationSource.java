package dev.ballast.migration.source;

import dev.ballast.migration.channel.CancelledException;
import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.PeerFailedException;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.SourceHandover;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Moves a guest out of this process. One object is one migration; it runs on a thread of its own.
 *
 * <p>However it ends, dirty logging is off afterwards, and the machine is as {@link SourceHandover}
 * says: as it was before, or in {@link RunState#POSTMIGRATE}, from which a user may have the guest
 * continued if the destination neither confirmed nor refused it.
 */
public final class MigrationSource {
  private static final Logger log = LoggerFactory.getLogger(MigrationSource.class);

  private final MigratableMachine machine;
  private final MigrationParameters parameters;
  private final MigrationListener listener;
  private final MigrationUri uri;
  private final MigrationChannel channel;
  private final SendingStreams streams = new SendingStreams();
  private final FrameWriter writer;
  private final FrameReader reader;
  private final ConvergencePolicy policy;
  private final ProgressCounters counters;
  private final PrecopyLoop precopy;
  private final Thread thread;
  private final Object lock = new Object();
  private final CountDownLatch over = new CountDownLatch(1);

  private volatile MigrationStatus status = MigrationStatus.NONE;
  private volatile @Nullable String error;
  private volatile long maxBandwidth;
  private volatile boolean unlimited;

  /** How the guest was when it was stopped to go; null before. The migration's thread. */
  private @Nullable RunState stoppedAs;

  private boolean cancelRequested;
  private boolean expired;
  private boolean committing;

  /** The protocol's, once it is agreed on. The migration's thread, as what follows. */
  private int version;

  private SourceHandover handover = SourceHandover.HERE;

  /**
   * @param machine whose guest moves
   * @param uri where the destination listens
   * @param parameters how
   * @param listener is told how it goes
   * @throws IOException if no socket can be had
   */
  public MigrationSource(
      MigratableMachine machine,
      MigrationUri uri,
      MigrationParameters parameters,
      MigrationListener listener)
      throws IOException {
    this.machine = machine;
    this.parameters = parameters;
    this.listener = listener;
    this.uri = uri;
    this.channel = MigrationChannel.open(uri);
    boolean ready = false;
    try {
      this.writer = new FrameWriter(channel, parameters.pageChecksumsTo(uri));
      this.reader = new FrameReader(channel);
      ready = true;
    } finally {
      if (!ready) {
        channel.close();
      }
    }
    this.policy = new ConvergencePolicy(parameters);
    this.counters = new ProgressCounters(channel, streams);
    this.precopy =
        new PrecopyLoop(
            streams, writer, policy, counters, listener, this::checkPeer, machine::throttle);
    this.thread = Thread.ofPlatform().daemon().name("migration").unstarted(this::run);
    channel.silenceTimeout(parameters.timeouts().silence());
    this.maxBandwidth = parameters.limits().bandwidth();
    channel.maxBandwidth(maxBandwidth);
  }

  /**
   * Starts. If this throws, because the host has no more threads, nothing was begun and nothing is
   * left.
   */
  public void start() {
    boolean started = false;
    try {
      if (!parameters.timeouts().total().isZero()) {
        Thread.ofPlatform().daemon().name("migration-timeout").start(this::expire);
      }
      thread.start();
      started = true;
    } finally {
      if (!started) {
        over.countDown();
        closeConnection();
      }
    }
  }

  /** Gives the migration up when it takes too long, if the guest is not handed over yet. */
  private void expire() {
    try {
      if (over.await(parameters.timeouts().total().toNanos(), TimeUnit.NANOSECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    synchronized (lock) {
      if (!committing && !cancelRequested && !status.isFinal()) {
        expired = true;
        channel.cancel();
        streams.cancel();
      }
    }
  }

  /** Waits until it has ended and returns how. */
  public MigrationProgress await() throws InterruptedException {
    thread.join();
    return progress();
  }

  /** Returns how far it is. Any thread. */
  public MigrationProgress progress() {
    return counters.snapshot(status, error);
  }

  /**
   * Gives the migration up, if the guest is not handed over yet. Returns at once; {@link #await}
   * says how it ended. Any thread, any time.
   *
   * @return false if it is too late: the guest is the destination's, or about to be
   */
  public boolean cancel() {
    synchronized (lock) {
      if (committing && !status.isFinal()) {
        return false;
      }
      if (!status.isFinal()) {
        cancelRequested = true;
        enter(MigrationStatus.CANCELLING);
        channel.cancel();
        streams.cancel();
      }
      return true;
    }
  }

  /**
   * Ends the migration whatever it is doing, because the process ends: also the wait for a
   * destination that does not confirm that it has the guest. Any thread.
   */
  public void abandon() {
    if (!cancel()) {
      channel.cancel();
    }
  }

  /** Changes the limits while it runs: bytes a second, 0 for none, and the downtime. Any thread. */
  public void limits(long maxBandwidth, Duration downtimeLimit) {
    this.maxBandwidth = maxBandwidth;
    applyBandwidth();
    policy.downtimeLimit(downtimeLimit);
  }

  private void enter(MigrationStatus next) {
    synchronized (lock) {
      if (status != next && (status != MigrationStatus.CANCELLING || next.isFinal())) {
        status = next;
        listener.statusChanged(next);
      }
    }
  }

  private void run() {
    MigrationStatus outcome = MigrationStatus.FAILED;
    String reason = "internal error, see the log";
    try {
      enter(MigrationStatus.SETUP);
      connect();
      negotiate();
      enter(MigrationStatus.ACTIVE);
      precopy.runUntilConverged();
      switchOver();
      outcome = MigrationStatus.COMPLETED;
    } catch (CancelledException e) {
      if (handover == SourceHandover.COMMITTED) {
        reason = "this process ends";
      } else if (hasExpired()) {
        reason =
            "not finished within the timeout of "
                + parameters.timeouts().total().toMillis()
                + " ms";
      } else {
        outcome = MigrationStatus.CANCELLED;
      }
    } catch (IOException e) {
      reason = describe(e);
      log.debug("the migration failed", e);
    } finally {
      end(outcome, reason);
    }
  }

  private boolean hasExpired() {
    synchronized (lock) {
      return expired && !cancelRequested;
    }
  }

  private void connect() throws IOException {
    RunState now = machine.runState();
    if (now == RunState.INMIGRATE
        || now == RunState.FINISH_MIGRATE
        || now == RunState.POSTMIGRATE) {
      throw new IOException("there is no guest to migrate: the machine is " + now.qmpName());
    }
    channel.connect(parameters.timeouts().connect());
  }

  private void negotiate() throws IOException {
    Messages.Hello hello =
        new Messages.Hello(Protocol.MIN_VERSION, parameters.maxProtocolVersion());
    writer.frame(FrameType.HELLO, hello.encode());
    writer.flush();
    reader.expect(FrameType.HELLO_REPLY);
    version = Messages.HelloReply.decode(reader.payload(), hello).version();
    prepareCompression(version);
    if (version < Protocol.VERSION_5) {
      log.warn(
          "the destination does not compare how fast its TSC ticks (protocol version {}): if it is"
              + " not as fast as this host's, the guest's time goes wrong",
          version);
    }

    SkipBalloon skip = SkipBalloon.decide(machine, parameters.pages().skipBalloon(), version);
    counters.skipActive = skip.filter() != null;
    counters.skipReason = skip.reason();
    List<MigrationConfig.Block> blocks = new ArrayList<>();
    for (RamBlock block : machine.ramBlocks()) {
      int number = blocks.size();
      if (!block.name().equals(RamBlock.BALLOON_BITMAP)) {
        boolean isRam = block.name().equals(RamBlock.RAM);
        precopy.addRam(number, block, isRam ? skip.filter() : null);
        counters.total(block.pages());
        blocks.add(new MigrationConfig.Block(block.name(), block.size()));
      } else if (skip.filter() != null) {
        precopy.addBitmap(number, block, skip.filter().excluded().size());
        blocks.add(new MigrationConfig.Block(block.name(), block.size()));
      } else if (version >= Protocol.VERSION_2) {
        blocks.add(new MigrationConfig.Block(block.name(), 0));
      }
    }
    MigrationConfig config =
        new MigrationConfig(
            machine.description(),
            blocks,
            parameters.pages().verify(),
            streamSetup(version),
            parameters.compression().method());
    writer.frame(FrameType.CONFIG, config.encode(version));
    writer.flush();
    reader.expect(FrameType.CONFIG_REPLY);
    streams.connect(uri, parameters, config.streams());
    applyBandwidth();
    precopy.start();
    counters.setupEnd = System.nanoTime();
  }

  /** Fails rather than falling back: a user who asks for compression has a slow link. */
  private void prepareCompression(int version) throws IOException {
    PageCompression compression = parameters.compression().method();
    if (compression != PageCompression.NONE && version < Protocol.VERSION_4) {
      throw new IOException(
          "compression %s needs protocol version %d, and the destination speaks %d: migrate without it"
              .formatted(compression.qmpName(), Protocol.VERSION_4, version));
    }
    if (parameters.streams() == 0) {
      writer.compress(compression, parameters.compression().zstdLevel());
    }
  }

  /** A stopped guest is not kept waiting by a limit. */
  private void applyBandwidth() {
    long now = unlimited ? 0 : maxBandwidth;
    channel.maxBandwidth(now);
    streams.maxBandwidth(now);
  }

  private StreamSetup streamSetup(int version) {
    if (parameters.streams() == 0 || version < Protocol.VERSION_3) {
      return StreamSetup.NONE;
    }
    SecureRandom random = new SecureRandom();
    return new StreamSetup(parameters.streams(), random.nextLong(), random.nextLong());
  }

  /** Looks whether the destination gave up. */
  private void checkPeer() throws IOException {
    channel.checkCancelled();
    if (reader.poll() != null) {
      throw reader.unexpected("nothing is due from the destination");
    }
  }

  private void switchOver() throws IOException {
    counters.bytesBeforeStop = counters.transferred();
    counters.guestStopped = System.nanoTime();
    RunState runState = machine.stopForMigration();
    stoppedAs = runState;
    enter(MigrationStatus.DEVICE);
    unlimited = true;
    applyBandwidth();
    // Saved before the last sync: should saving write to guest RAM, that is in the sync.
    List<Messages.StateSection> sections = StateSender.save(machine.stateSections());
    precopy.finish();
    if (parameters.pages().verify()) {
      long start = System.nanoTime();
      precopy.sendDigests();
      counters.verifyNanos = System.nanoTime() - start;
    }
    StateSender.send(sections, runState, writer);
    reader.expect(FrameType.READY);
    // This side may have been suspended meanwhile, and the destination out of patience since.
    checkPeer();
    commit();
    // However much the destination says that it is still there: the guest stands still.
    channel.deadline(parameters.timeouts().silence());
    reader.expect(FrameType.RUNNING);
    handover = handover.confirmed();
    counters.guestContinued = System.nanoTime();
    // What follows gives back what the migration took here, while the guest runs there.
    counters.ended = counters.guestContinued;
  }

  private void commit() throws IOException {
    synchronized (lock) {
      if (cancelRequested || expired) {
        throw new CancelledException();
      }
      committing = true;
    }
    writer.signal(FrameType.COMMIT);
    writer.flush();
    handover = handover.committed();
  }

  /** Brings the machine into its state, closes the connection and reports the outcome. */
  private void end(MigrationStatus outcome, String reason) {
    handover = handover.lost();
    List<String> reasons = new ArrayList<>();
    if (outcome == MigrationStatus.FAILED) {
      reasons.add(
          handover == SourceHandover.UNKNOWN
              ? "the guest was handed over, but the destination did not confirm it: " + reason
              : reason);
    }
    cleanUp(reasons, "vCPUs stay throttled", precopy::endThrottle);
    cleanUp(reasons, "the guest stays stopped", this::settle);
    cleanUp(reasons, "dirty logging cannot be stopped", precopy::stopLogs);
    if (outcome == MigrationStatus.CANCELLED) {
      cleanUp(reasons, "", () -> writer.last(FrameType.CANCEL, new byte[0]));
    } else if (outcome == MigrationStatus.FAILED) {
      byte[] message = new Messages.Failure(reason).encode();
      cleanUp(reasons, "", () -> writer.last(FrameType.ERROR, message));
    }
    cleanUp(reasons, "streams cannot be closed", streams::close);
    cleanUp(reasons, "the connection cannot be closed", this::closeConnection);
    cleanUp(reasons, "bitmaps cannot be given back", precopy::release);
    if (counters.ended == 0) {
      counters.ended = System.nanoTime();
    }
    error = reasons.isEmpty() ? null : String.join("; ", reasons);
    enter(outcome);
    over.countDown();
  }

  private void closeConnection() {
    reader.close();
    writer.close();
    channel.close();
  }

  /** The guest goes back to what it was when it was stopped, which may not be what it was first. */
  private void settle() throws IOException {
    RunState before = stoppedAs;
    if (before == null || machine.runState() != RunState.FINISH_MIGRATE) {
      return;
    }
    switch (handover) {
      case HERE -> {
        machine.endMigration(before);
        counters.guestContinued = System.nanoTime();
      }
      case THERE -> machine.endMigration(RunState.POSTMIGRATE);
      case COMMITTED, UNKNOWN -> machine.endUnconfirmedMigration(before);
    }
  }

  /** Something that must be tried, whatever else failed. */
  @FunctionalInterface
  private interface CleanUp {
    void run() throws IOException;
  }

  private static void cleanUp(List<String> reasons, String failure, CleanUp step) {
    try {
      step.run();
    } catch (IOException | RuntimeException | Error e) {
      log.error("after a migration: {}", failure, e);
      reasons.add(failure + ": " + e.getMessage());
    }
  }

  /** Prefers what the destination says went wrong over the broken connection that this led to. */
  private String describe(IOException failure) {
    if (!channel.isConnected()) {
      return String.valueOf(failure.getMessage());
    }
    if (failure instanceof PeerFailedException) {
      // Older destinations may say so although they run the guest, and none cancels.
      if (reader.type() == FrameType.ERROR && version >= Protocol.VERSION_5) {
        handover = handover.refused();
      }
      return "the destination gave up: " + failure.getMessage();
    }
    try {
      FrameType type = reader.poll();
      while (type != null && type != FrameType.ERROR) {
        type = reader.poll();
      }
      if (type != null) {
        return describe(reader.unexpected("after a failure"));
      }
    } catch (IOException e) {
      log.debug("the destination left no message", e);
    }
    return String.valueOf(failure.getMessage());
  }
}
