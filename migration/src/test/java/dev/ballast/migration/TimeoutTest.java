package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Each timeout ends a migration with a message of its own, and leaves the guest where it was. */
@Timeout(60)
class TimeoutTest {
  private static final long MIB = 16;
  private static final Duration SHORT = Duration.ofMillis(200);

  private static MigrationProgress migrate(
      TestMachine machine, MigrationUri to, MigrationParameters parameters) throws Exception {
    MigrationSource source = new MigrationSource(machine, to, parameters, MigrationListener.NONE);
    source.start();
    MigrationProgress end = source.await();
    assertThat(end.status()).isEqualTo(MigrationStatus.FAILED);
    assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
    assertThat(machine.dirtyLog().isRunning()).isFalse();
    return end;
  }

  private static MigrationUri.Tcp uri(ServerSocket server) {
    return new MigrationUri.Tcp(server.getInetAddress().getHostAddress(), server.getLocalPort());
  }

  @Test
  void aDestinationThatAcceptsAndSaysNothing() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        ServerSocket mute = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      MigrationParameters parameters = Hop.PARAMETERS.withSilenceTimeout(SHORT);
      assertThat(migrate(a, uri(mute), parameters).error())
          .contains(uri(mute) + ": the other side sent nothing for 200 ms");
    }
  }

  @Test
  void aDestinationThatDoesNotAccept() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      List<Socket> waiting = fillBacklog(full);
      MigrationParameters parameters = Hop.PARAMETERS.withConnectTimeout(SHORT);
      assertThat(migrate(a, uri(full), parameters).error())
          .contains(uri(full) + ": no connection after 200 ms");
      for (Socket socket : waiting) {
        socket.close();
      }
    }
  }

  @Test
  void aStreamThatIsBeingConnectedCanBeCancelled() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      MigrationParameters parameters =
          Hop.over(1, Hop.PARAMETERS).withConnectTimeout(Duration.ofMinutes(10));
      MigrationSource source =
          new MigrationSource(a, uri(server), parameters, MigrationListener.NONE);
      source.start();
      try (Socket main = server.accept()) {
        byte[] version = new Messages.HelloReply(Protocol.MAX_VERSION).encode();
        main.getOutputStream().write(Frames.of(FrameType.HELLO_REPLY, version));
        List<Socket> waiting = fillBacklog(server);
        main.getOutputStream().write(Frames.of(FrameType.CONFIG_REPLY, new byte[0]));
        await().until(TimeoutTest::isConnectingAStream);

        source.cancel();

        assertThat(source.await().status()).isEqualTo(MigrationStatus.CANCELLED);
        for (Socket socket : waiting) {
          socket.close();
        }
      }
    }
  }

  private static boolean isConnectingAStream() {
    return Thread.getAllStackTraces().values().stream()
        .flatMap(Arrays::stream)
        .anyMatch(
            frame ->
                frame.getClassName().endsWith(".SendingStream")
                    && frame.getMethodName().equals("connect"));
  }

  /** Connects until the kernel answers no more. */
  private static List<Socket> fillBacklog(ServerSocket server) throws IOException {
    List<Socket> waiting = new ArrayList<>();
    boolean answered = true;
    while (answered) {
      Socket socket = new Socket();
      waiting.add(socket);
      try {
        socket.connect(server.getLocalSocketAddress(), 100);
      } catch (IOException _) {
        answered = false;
      }
    }
    return waiting;
  }

  @Test
  void theWholeMayTakeOnlySoLong() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen()) {
      a.fill(0, 4000, 1);
      a.balloon().inflate(4000, 50);
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, Hop.DESTINATION);
      MigrationParameters parameters = Hop.PARAMETERS.withMaxBandwidth(1 << 20).withTimeout(SHORT);
      String message = "not finished within the timeout of 200 ms";
      assertThat(migrate(a, destination.uri(), parameters).error()).contains(message);
      assertThat(Hop.of(MigrationProgress.IDLE, received).failure()).isNotNull();
      assertThat(b.runState()).isEqualTo(RunState.INMIGRATE);
      assertThat(a.balloon().excluded().cardinality()).isEqualTo(50);
      try (TestMachine c = TestMachine.waiting(MIB)) {
        Hop again = Hop.run(a, c, Hop.PARAMETERS.withTimeout(Duration.ofMinutes(1)));
        assertThat(again.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
        assertThat(c.firstDifference(a)).isEqualTo(-1);
      }
    }
  }
}
