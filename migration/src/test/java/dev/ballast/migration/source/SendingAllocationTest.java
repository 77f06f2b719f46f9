package dev.ballast.migration.source;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.Allocation;
import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.testing.Connection;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.AnonymousRam;
import dev.ballast.vmm.memory.RamBlock;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What a pass leaves behind on the heap, from the sync over the page map and the zero test to the
 * socket. Our own code leaves nothing that grows with the number of pages. The JDK's selector
 * leaves something whenever a write has to wait for the peer, as often as not once for what the
 * socket holds; an object a page would be at least 16 bytes for each.
 */
class SendingAllocationTest {
  private static final long RAM = 64L << 20;
  private static final long PAGES = RAM / RamBlock.PAGE_SIZE;

  /** Of what the selector leaves, an object a page cannot hide in it. */
  private static final long SOCKETS_BYTES_PER_PAGE = 4;

  /** What a sync leaves for a few runs of spans, each of thousands of pages. */
  private static final long SYNCS_BYTES = 1024;

  private TestMachine machine;
  private Connection connection;
  private Thread peer;
  private SendingBlock block;
  private ProgressCounters counters;
  private RamSender sender;
  private FrameWriter writer;

  @BeforeEach
  void connect(@TempDir Path directory) throws IOException {
    machine = new TestMachine(new AnonymousRam(RAM, false), RunState.PAUSED);
    connection = Connection.in(directory);
    peer = Thread.ofPlatform().daemon().name("peer").start(() -> forget(connection.far()));
    RamBlock ram = machine.ramBlocks().getFirst();
    block = new SendingBlock(0, ram, new CandidateSet(ram, machine.balloon().excluded()));
    counters = new ProgressCounters(connection.near(), new SendingStreams());
    writer = new FrameWriter(connection.near(), true);
    sender = new RamSender(block, writer, counters, connection.near()::checkCancelled);
  }

  private static void forget(MigrationChannel channel) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(4 << 20);
    channel.silenceTimeout(Duration.ofMinutes(5));
    try {
      while (true) {
        channel.readSome(buffer.clear());
      }
    } catch (EOFException _) {
      buffer.clear();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @AfterEach
  void close() throws InterruptedException {
    connection.near().close();
    peer.join();
    connection.close();
    machine.close();
  }

  private void populate(LongPredicate withContent) {
    for (long page = 0; page < PAGES; page++) {
      long value = withContent.test(page) ? page + 1 : 0;
      machine.ram().set(JAVA_LONG, page * RamBlock.PAGE_SIZE, value);
    }
  }

  private void pass() throws IOException {
    machine.dirtyLog().start();
    block.candidates().fetch();
    block.candidates().refine(() -> {});
    block.startPass();
    sender.sendPass(false);
    writer.flush();
  }

  @Test
  void pagesThatAreZeroLeaveNothing() throws Exception {
    populate(page -> false);
    Allocation.assertAtMost(SYNCS_BYTES, this::pass);
  }

  @Test
  void pagesWithoutMemoryLeaveNothing() throws Exception {
    Allocation.assertAtMost(SYNCS_BYTES, this::pass);
  }

  @Test
  void pagesInTheBalloonLeaveNothing() throws Exception {
    populate(page -> true);
    machine.balloon().excluded().setAll();
    Allocation.assertAtMost(SYNCS_BYTES, this::pass);
  }

  @Test
  void longRunsLeaveOnlyWhatTheSocketDoes() throws Exception {
    populate(page -> true);
    Allocation.assertAtMost(SYNCS_BYTES + SOCKETS_BYTES_PER_PAGE * PAGES, this::pass);
    assertThat(connection.near().bytesWritten()).isGreaterThan(RAM);
  }

  @Test
  void singlePagesLeaveOnlyWhatTheSocketDoes() throws Exception {
    populate(page -> page % 2 == 0);
    Allocation.assertAtMost(SYNCS_BYTES + SOCKETS_BYTES_PER_PAGE * PAGES / 2, this::pass);
    assertThat(connection.near().bytesWritten()).isGreaterThan(RAM / 2);
  }
}
