package dev.ballast.migration.source;

import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What both sides agree on before RAM moves: the protocol's version, whether the machine fits, how
 * pages are sent and which of them are left out. One thread.
 */
final class SourceHandshake {
  private static final Logger log = LoggerFactory.getLogger(SourceHandshake.class);

  private final MigratableMachine machine;
  private final MigrationParameters parameters;
  private final FrameWriter writer;
  private final FrameReader reader;
  private final PrecopyLoop precopy;
  private final ProgressCounters counters;

  SourceHandshake(
      MigratableMachine machine,
      MigrationParameters parameters,
      SourceConnection connection,
      PrecopyLoop precopy,
      ProgressCounters counters) {
    this.machine = machine;
    this.parameters = parameters;
    this.writer = connection.writer();
    this.reader = connection.reader();
    this.precopy = precopy;
    this.counters = counters;
  }

  /**
   * What was agreed on.
   *
   * @param version of the protocol
   * @param streams the connections that the destination waits for now
   */
  record Agreement(int version, StreamSetup streams) {}

  /**
   * Agrees on the version, adds the RAM blocks that migrate to the precopy, and sends the
   * destination the description of the machine to compare with its own.
   *
   * @throws IOException if they do not fit, or the connection broke
   */
  Agreement run() throws IOException {
    int version = greet();
    prepareCompression(version);
    if (version < Protocol.VERSION_5) {
      log.warn(
          "the destination does not compare how fast its TSC ticks (protocol version {}): if it is"
              + " not as fast as this host's, the guest's time goes wrong",
          version);
    }
    if (version < Protocol.VERSION_6) {
      log.warn(
          "the destination does not take over the processor that the guest sees (protocol version"
              + " {}): the guest gets what that host has instead",
          version);
    }
    SkipBalloon skip = SkipBalloon.decide(machine, parameters.pages().skipBalloon(), version);
    counters.skipBalloon(skip.filter() != null, skip.reason());
    StreamSetup streams = streamSetup(version);
    MigrationConfig config =
        new MigrationConfig(
            machine.description(),
            addBlocks(skip, version),
            parameters.pages().verify(),
            streams,
            parameters.compression().method());
    writer.frame(FrameType.CONFIG, config.encode(version));
    writer.flush();
    reader.expect(FrameType.CONFIG_REPLY);
    return new Agreement(version, streams);
  }

  private int greet() throws IOException {
    Messages.Hello hello =
        new Messages.Hello(Protocol.MIN_VERSION, parameters.maxProtocolVersion());
    writer.frame(FrameType.HELLO, hello.encode());
    writer.flush();
    reader.expect(FrameType.HELLO_REPLY);
    return Messages.HelloReply.decode(reader.payload(), hello).version();
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

  /** Adds the blocks to the precopy; returns how they are announced. */
  private List<MigrationConfig.Block> addBlocks(SkipBalloon skip, int version) {
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
    return blocks;
  }

  private StreamSetup streamSetup(int version) {
    if (parameters.streams() == 0 || version < Protocol.VERSION_3) {
      return StreamSetup.NONE;
    }
    SecureRandom random = new SecureRandom();
    return new StreamSetup(parameters.streams(), random.nextLong(), random.nextLong());
  }
}
