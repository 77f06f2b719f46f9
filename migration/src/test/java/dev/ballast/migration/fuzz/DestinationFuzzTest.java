package dev.ballast.migration.fuzz;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.RawPeer;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A whole destination: the guest arrives, or there is one plain reason why it does not. */
class DestinationFuzzTest {
  private static final long MIB = 2;

  /** A stream that is announced and never comes is waited for so long. */
  private static final DestinationParameters IMPATIENT =
      new DestinationParameters(Duration.ofMillis(50), Duration.ofMillis(50), Protocol.MAX_VERSION);

  // Not TCP: a fuzzer would use up the ports of the host.
  @TempDir private static Path directory;

  private static TestMachine machine(RunState state) {
    TestMachine machine = new TestMachine(MIB, state);
    machine.sections(
        List.of(machine.stateSections().getFirst(), new TestMachine.Filler("filler", 8)));
    return machine;
  }

  /** Returns what arrived; a second connection starts with the first {@code STREAM} frame. */
  private static IncomingResult play(
      List<byte[]> frames, TestMachine machine, DestinationParameters parameters)
      throws IOException {
    List<List<byte[]>> connections = new ArrayList<>(List.of(new ArrayList<>()));
    for (byte[] frame : frames) {
      if (Frames.type(frame) == FrameType.STREAM.code() && connections.size() == 1) {
        connections.add(new ArrayList<>());
      }
      connections.getLast().add(frame);
    }
    try (MigrationDestination destination =
        MigrationDestination.listen(MigrationUri.parse("unix:" + directory.resolve("fuzz.sock")))) {
      List<RawPeer> peers = new ArrayList<>();
      try {
        for (List<byte[]> connection : connections) {
          peers.add(RawPeer.send(destination.uri(), connection));
        }
        return Hop.receiveOnce(destination, machine, parameters);
      } finally {
        peers.forEach(RawPeer::close);
      }
    }
  }

  /** See {@link Frames#ofScript}. */
  @FuzzTest(maxDuration = "2m")
  void stream(byte[] script) throws IOException {
    Queue<Throwable> uncaught = new ConcurrentLinkedQueue<>();
    Thread.setDefaultUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
    try (TestMachine machine = machine(RunState.INMIGRATE)) {
      RunState expected = RunState.INMIGRATE;
      try {
        expected = play(Frames.ofScript(script), machine, IMPATIENT).runState();
      } catch (IOException e) {
        assertThat(e.getMessage()).isNotBlank().hasLineCount(1);
      }
      assertThat(machine.runState()).isEqualTo(expected);
      assertThat(uncaught).as("what ended a thread").isEmpty();
    } finally {
      Thread.setDefaultUncaughtExceptionHandler(null);
    }
  }

  /** What the fuzzer starts from is still what a destination takes. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "whole-version1",
        "whole-version3",
        "whole-streams",
        "whole-lz4",
        "whole-lz4-streams",
        "whole-zstd",
        "whole-zstd-streams"
      })
  void theSeedsArrive(String seed) throws IOException {
    byte[] script;
    try (InputStream in =
        getClass().getResourceAsStream("DestinationFuzzTestInputs/stream/" + seed)) {
      script = Objects.requireNonNull(in, seed).readAllBytes();
    }
    try (TestMachine machine = machine(RunState.INMIGRATE)) {
      IncomingResult arrived = play(Frames.ofScript(script), machine, Hop.DESTINATION);
      assertThat(arrived.pagesReceived()).isEqualTo(8);
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      assertThat(machine.ram().get(JAVA_BYTE, 5 << 12)).isEqualTo((byte) 5);
    }
  }
}
