package dev.ballast.migration.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.testing.Connection;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class MigrationChannelTest {
  private static final Duration FIVE_SECONDS = Duration.ofSeconds(5);

  private MigrationServer server;
  private MigrationChannel here;
  private MigrationChannel there;

  @BeforeEach
  void connect(@TempDir Path directory) throws IOException {
    server = MigrationServer.listen(new MigrationUri.Unix(directory.resolve("m")));
    here = MigrationChannel.open(server.uri());
    here.connect(FIVE_SECONDS);
    there = Connection.accept(server, FIVE_SECONDS);
  }

  @AfterEach
  void close() throws IOException {
    here.close();
    there.close();
    server.close();
  }

  @Test
  void gathersAndCounts() throws Exception {
    ByteBuffer first = ByteBuffer.allocateDirect(3_000_000).putInt(0, 11);
    ByteBuffer second = ByteBuffer.allocateDirect(1_000_000).putInt(0, 22);
    ByteBuffer got = ByteBuffer.allocate(4_000_000);
    CompletableFuture<Void> written =
        CompletableFuture.runAsync(
            () -> {
              try {
                here.write(first, second);
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    there.read(got);
    written.join();
    assertThat(got.getInt(0)).isEqualTo(11);
    assertThat(got.getInt(3_000_000)).isEqualTo(22);
    assertThat(here.bytesWritten()).isEqualTo(4_000_000);
    assertThat(there.bytesRead()).isEqualTo(4_000_000);
  }

  @Test
  void saysThatNoProcessListens() throws IOException {
    server.close();
    assertThatThrownBy(this::connectAgain)
        .isInstanceOf(NotListeningException.class)
        .hasMessage(server.uri() + ": there is no such socket")
        .extracting(Throwable::getMessage)
        .satisfies(message -> assertThat(NotListeningException.isSaidBy(message)).isTrue());
    MigrationUri closedPort;
    try (MigrationServer tcp = MigrationServer.listen(MigrationUri.parse("tcp:127.0.0.1:0"))) {
      closedPort = tcp.uri();
    }
    try (MigrationChannel channel = MigrationChannel.open(closedPort)) {
      assertThatThrownBy(() -> channel.connect(FIVE_SECONDS))
          .isInstanceOf(NotListeningException.class)
          .hasMessage(closedPort + ": connection refused: no process listens there")
          .extracting(Throwable::getMessage)
          .satisfies(message -> assertThat(NotListeningException.isSaidBy(message)).isTrue());
    }
  }

  private void connectAgain() throws IOException {
    try (MigrationChannel channel = MigrationChannel.open(server.uri())) {
      channel.connect(FIVE_SECONDS);
    }
  }

  @Test
  void waitsForRoomInTheQueueOfAUnixSocket(@TempDir Path directory) throws Exception {
    try (FullListener full = FullListener.at(directory.resolve("full"));
        MigrationChannel late = MigrationChannel.open(full.uri())) {
      CompletableFuture<Void> connected = connectInBackground(late, Duration.ofSeconds(30));
      assertThatThrownBy(() -> connected.get(100, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      full.acceptAll();
      connected.get(30, TimeUnit.SECONDS);
      SocketChannel accepted = full.accept();
      late.write(ByteBuffer.wrap(new byte[] {7}));
      ByteBuffer got = ByteBuffer.allocate(1);
      accepted.read(got);
      assertThat(got.get(0)).isEqualTo((byte) 7);
    }
  }

  @Test
  void doesNotWaitForRoomForEver(@TempDir Path directory) throws Exception {
    try (FullListener full = FullListener.at(directory.resolve("full"));
        MigrationChannel late = MigrationChannel.open(full.uri())) {
      assertThatThrownBy(() -> late.connect(Duration.ofMillis(100)))
          .isInstanceOf(SocketTimeoutException.class)
          .hasMessage(
              full.uri() + ": no connection after 100 ms: too many clients wait to be accepted");
    }
  }

  @Test
  void canBeCancelledWhileItWaitsForRoom(@TempDir Path directory) throws Exception {
    try (FullListener full = FullListener.at(directory.resolve("full"));
        MigrationChannel late = MigrationChannel.open(full.uri())) {
      CompletableFuture<Void> connected = connectInBackground(late, Duration.ofMinutes(5));
      assertThatThrownBy(() -> connected.get(50, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      late.cancel();
      assertThatThrownBy(() -> connected.get(30, TimeUnit.SECONDS))
          .hasCauseInstanceOf(CancelledException.class);
      assertThat(late.isConnected()).isFalse();
    }
  }

  private static CompletableFuture<Void> connectInBackground(
      MigrationChannel channel, Duration timeout) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            channel.connect(timeout);
          } catch (IOException e) {
            throw new CompletionException(e);
          }
        });
  }

  @Test
  void noticesSilence() {
    here.silenceTimeout(Duration.ofMillis(30));
    assertThatThrownBy(() -> here.read(ByteBuffer.allocate(1)))
        .isInstanceOf(SocketTimeoutException.class)
        .hasMessage(server.uri() + ": the other side sent nothing for 30 ms");
    assertThatThrownBy(() -> here.write(ByteBuffer.allocate(8 << 20)))
        .isInstanceOf(SocketTimeoutException.class)
        .hasMessage(server.uri() + ": the other side takes nothing for 30 ms");
  }

  @Test
  void noticesTheEnd() throws IOException {
    there.close();
    assertThatThrownBy(() -> here.read(ByteBuffer.allocate(1)))
        .isInstanceOf(EOFException.class)
        .hasMessage(server.uri() + ": the other side closed the connection");
    assertThatThrownBy(() -> here.write(ByteBuffer.allocate(1)))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith(server.uri() + ": the connection broke: ");
  }

  @Test
  void canBeCancelledWhileItReads() throws Exception {
    Thread canceller = Thread.ofPlatform().start(here::cancel);
    assertThatThrownBy(() -> here.read(ByteBuffer.allocate(1)))
        .isInstanceOf(CancelledException.class);
    canceller.join();
  }

  @Test
  void afterACancelThereIsOneLastMessageUnlessOneIsHalfWritten() throws IOException {
    here.cancel();
    assertThat(here.writeLast(ByteBuffer.wrap(new byte[] {7}))).isTrue();
    ByteBuffer got = ByteBuffer.allocate(2);
    there.readSome(got);
    assertThat(got.get(0)).isEqualTo((byte) 7);
    assertThat(there.writeLast(ByteBuffer.wrap(new byte[1]))).isTrue();
    assertThat(there.writeLast(ByteBuffer.wrap(new byte[1]))).isFalse();
  }

  @Test
  void nothingFollowsAHalfWrittenMessage() {
    here.silenceTimeout(Duration.ofMillis(10));
    assertThatThrownBy(() -> here.write(ByteBuffer.allocate(8 << 20)))
        .isInstanceOf(SocketTimeoutException.class);
    assertThat(here.writeLast(ByteBuffer.wrap(new byte[1]))).isFalse();
  }

  @Test
  void keepsToTheBandwidthLimit() throws Exception {
    here.maxBandwidth(10_000_000);
    CompletableFuture<Void> reader =
        CompletableFuture.runAsync(
            () -> {
              try {
                there.read(ByteBuffer.allocate(4_000_000));
              } catch (IOException e) {
                throw new AssertionError(e);
              }
            });
    long start = System.nanoTime();
    for (int i = 0; i < 40; i++) {
      here.write(ByteBuffer.allocate(100_000));
    }
    // A tenth of a second's worth may go out at once, and the last piece is not waited for.
    assertThat(System.nanoTime() - start).isGreaterThan(250_000_000L);
    reader.join();
  }
}
