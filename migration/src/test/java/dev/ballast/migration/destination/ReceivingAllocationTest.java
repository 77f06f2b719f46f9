package dev.ballast.migration.destination;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.Allocation;
import dev.ballast.migration.channel.CancelledException;
import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.testing.Connection;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.AnonymousRam;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a pass leaves behind on the heap, from the socket to guest RAM, with memory that is had anew
 * for each page and given back. Our own code leaves nothing, whatever the number of pages; the
 * JDK's selector leaves something whenever a read has to wait for the peer. An object a page would
 * be at least 16 bytes for each.
 */
class ReceivingAllocationTest {
  private static final long RAM = 64L << 20;
  private static final long PAGES = RAM / RamBlock.PAGE_SIZE;

  /** Of what the selector leaves, an object a page cannot hide in it. */
  private static final long SOCKETS_BYTES_PER_PAGE = 4;

  private TestMachine machine;
  private Connection connection;
  private RamReceiver receiver;
  private FrameReader reader;

  @BeforeEach
  void connect(@TempDir Path directory) throws IOException {
    machine = new TestMachine(new AnonymousRam(RAM, false), RunState.INMIGRATE);
    connection = Connection.in(directory);
    RamBlock ram = machine.ramBlocks().getFirst();
    MigrationConfig config =
        new MigrationConfig(
            machine.description(),
            List.of(new MigrationConfig.Block(RamBlock.RAM, RAM)),
            false,
            StreamSetup.NONE);
    receiver =
        new RamReceiver(
            ReceivingBlocks.match(List.of(ram), config, Protocol.MAX_VERSION),
            PageCompression.NONE);
    reader = new FrameReader(connection.near());
  }

  @AfterEach
  void close() {
    connection.close();
    machine.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 8, Protocol.MAX_RUN_PAGES})
  void pagesLeaveOnlyWhatTheSocketDoes(int run) throws Exception {
    Thread source = Thread.ofPlatform().daemon().name("source").start(() -> sendPasses(run));
    try {
      Allocation.assertAtMost(SOCKETS_BYTES_PER_PAGE * PAGES, this::receivePass);
    } finally {
      connection.far().cancel();
      source.join();
    }
    assertThat(machine.populated().cardinality()).as("given back in every pass").isZero();
  }

  private void receivePass() throws IOException {
    for (FrameType type = reader.next(); type != FrameType.PASS_END; type = reader.next()) {
      if (type == FrameType.RAM_PAGES) {
        receiver.pages(reader);
      } else {
        receiver.zeroPages(reader);
      }
    }
  }

  /** Sends all pages in runs of some, then that all of them are zero again, until cancelled. */
  private void sendPasses(int run) {
    try (Arena arena = Arena.ofConfined()) {
      SegmentWindows memory = new SegmentWindows(arena.allocate(RAM, RamBlock.PAGE_SIZE));
      FrameWriter writer = new FrameWriter(connection.far(), true);
      for (long pass = 1; ; pass++) {
        for (long page = 0; page < PAGES; page += run) {
          writer.ramPages(0, memory, page, run);
        }
        writer.zeroPages(0, 0, PAGES);
        writer.passEnd(pass, false);
        writer.flush();
      }
    } catch (CancelledException _) {
      return;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
