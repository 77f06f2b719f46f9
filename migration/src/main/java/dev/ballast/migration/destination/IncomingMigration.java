package dev.ballast.migration.destination;

import dev.ballast.migration.channel.CancelledException;
import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationServer;
import dev.ballast.migration.protocol.DestinationHandover;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.MemoryDigest;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.ReceiverPhase;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One incoming migration, from the greeting to the commit. One thread; {@link #cancel} is for any.
 */
final class IncomingMigration implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(IncomingMigration.class);

  private final MigratableMachine machine;
  private final MigrationChannel channel;
  private final DestinationParameters parameters;
  private final MigrationServer server;
  private final ReceivingStreams streams;
  private final IncomingListener listener;
  private final FrameReader reader;
  private final FrameWriter writer;
  private ReceiverPhase phase = ReceiverPhase.GREETING;

  /** Whether any of RAM has arrived. */
  private boolean touched;

  private DestinationHandover handover = DestinationHandover.WAITING;

  /**
   * @param machine in {@link RunState#INMIGRATE}, its RAM never touched
   * @param channel to the source
   * @param server where further connections of the source come in
   * @param parameters of the migration
   * @param listener called when RAM begins to arrive
   */
  IncomingMigration(
      MigratableMachine machine,
      MigrationChannel channel,
      MigrationServer server,
      DestinationParameters parameters,
      IncomingListener listener) {
    this.machine = machine;
    this.channel = channel;
    this.server = server;
    this.streams = new ReceivingStreams(channel);
    this.parameters = parameters;
    this.listener = listener;
    this.reader = new FrameReader(channel);
    this.writer = new FrameWriter(channel, false);
  }

  /**
   * Receives the guest and starts it.
   *
   * @throws IOException if that failed; before {@link FrameType#COMMIT} nothing runs
   */
  IncomingResult run() throws IOException {
    int version = greet();
    MigrationConfig config = configure(version);
    ReceivingBlocks blocks = ReceivingBlocks.match(machine.ramBlocks(), config, version);
    try (RamReceiver receiver = new RamReceiver(blocks, config.compression())) {
      signal(FrameType.CONFIG_REPLY);
      streams.accept(new StreamAcceptor(server, config.streams(), parameters), reader);
      server.dropPending();
      phase = ReceiverPhase.RAM;
      listener.started();
      streams.start(blocks, config.compression());
      receiveRam(blocks, receiver);
    }
    blocks.checkComplete();
    if (config.verify()) {
      phase = ReceiverPhase.VERIFYING;
      verify(blocks);
    }
    phase = ReceiverPhase.STATE;
    RunState runState = loadState();
    signal(FrameType.READY);
    phase = ReceiverPhase.COMMITTING;
    nextFrame();
    phase = ReceiverPhase.COMMITTED;
    handover = handover.committed();
    start(runState);
    confirm();
    release(blocks);
    return new IncomingResult(
        runState,
        version,
        blocks.bitmap() != null,
        config.verify(),
        channel.bytesRead() + streams.bytesRead(),
        blocks.pagesReceived(),
        blocks.pagesDiscarded());
  }

  private FrameType nextFrame() throws IOException {
    FrameType type = reader.next();
    phase.check(reader);
    return type;
  }

  private void signal(FrameType type) throws IOException {
    writer.signal(type);
    writer.flush();
  }

  /** HELLO was already answered while the connection introduced itself. */
  private int greet() throws IOException {
    nextFrame();
    Messages.Hello hello = Messages.Hello.decode(reader.payload());
    phase = ReceiverPhase.CONFIGURING;
    return hello.agree(parameters.maxProtocolVersion());
  }

  private MigrationConfig configure(int version) throws IOException {
    nextFrame();
    MigrationConfig config = MigrationConfig.decode(reader.payload(), version);
    Optional<String> refusal = machine.description().refusal(config.machine());
    if (refusal.isPresent()) {
      throw new IOException(refusal.get());
    }
    machine.adoptCpu(config.machine().cpu());
    machine.adoptTsc(config.machine().tscKhz());
    return config;
  }

  private void receiveRam(ReceivingBlocks blocks, RamReceiver receiver) throws IOException {
    try {
      receivePasses(blocks, receiver);
    } catch (CancelledException e) {
      IOException failure = streams.failure();
      throw failure == null ? e : failure;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the migration was interrupted", e);
    }
  }

  private void receivePasses(ReceivingBlocks blocks, RamReceiver receiver)
      throws IOException, InterruptedException {
    long passes = 0;
    boolean last = false;
    while (!last) {
      FrameType type = nextFrame();
      touched = true;
      if (type == FrameType.RAM_PAGES) {
        receiver.pages(reader);
      } else if (type == FrameType.ZERO_PAGES) {
        receiver.zeroPages(reader);
      } else if (type == FrameType.BITMAP) {
        blocks.bitmapWords(reader);
      } else {
        passes++;
        last = ReceivingStreams.checkPassEnd(reader, passes);
        streams.endPass(last, () -> blocks.discardStale(writer::keepAlive));
      }
    }
  }

  private void verify(ReceivingBlocks blocks) throws IOException {
    RamBlock ram = machine.ramBlocks().getFirst();
    DigestChecker checker = new DigestChecker(new MemoryDigest(ram, blocks.bitmap()));
    do {
      writer.keepAlive();
      nextFrame();
    } while (!checker.check(reader));
  }

  private RunState loadState() throws IOException {
    StateReceiver state = new StateReceiver(machine.stateSections());
    while (nextFrame() == FrameType.STATE_SECTION) {
      writer.keepAlive();
      state.checkRoom(reader.length());
      state.add(Messages.StateSection.decode(reader.payload()));
    }
    RunState runState = Messages.StateEnd.decode(reader.payload()).runState();
    state.load();
    return runState;
  }

  /** Even if this fails, what counts is whether the guest may have run. */
  private void start(RunState runState) throws IOException {
    try {
      machine.endMigration(runState);
    } finally {
      if (machine.runState() != RunState.INMIGRATE) {
        handover = handover.started();
      }
    }
  }

  private void confirm() {
    try {
      signal(FrameType.RUNNING);
    } catch (IOException e) {
      // The guest runs here, whether the source is still there or not.
      log.warn("the source did not wait for the confirmation: {}", e.getMessage());
    }
  }

  private static void release(ReceivingBlocks blocks) {
    try {
      blocks.release();
    } catch (IOException e) {
      // The guest runs here: unreleased memory is no reason to fail.
      log.warn("bitmaps of the migration keep their memory: {}", e.getMessage());
    }
  }

  /**
   * Gives up, and sends the source the reason, unless the guest is here already: ERROR would allow
   * the source to resume it.
   */
  void fail(String reason) {
    handover = handover.gaveUp();
    boolean sent =
        handover.mayRefuse() && writer.last(FrameType.ERROR, new Messages.Failure(reason).encode());
    // Not earlier: the source would report the broken streams instead of the reason.
    streams.close();
    if (sent && isUntouched()) {
      server.linger(channel);
    } else if (sent) {
      channel.drain();
    }
  }

  /** Makes {@link #run} fail with {@link CancelledException}. Any thread. */
  void cancel() {
    channel.cancel();
  }

  /** Ends the threads and connections of its streams, and frees its buffers. */
  @Override
  public void close() {
    streams.close();
    reader.close();
    writer.close();
  }

  /**
   * Returns whether none of RAM has arrived, so that another source may be accepted. Final only
   * after {@link #fail}.
   */
  boolean isUntouched() {
    return !touched && !streams.isTouched();
  }
}
