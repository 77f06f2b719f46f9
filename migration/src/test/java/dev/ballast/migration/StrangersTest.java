package dev.ballast.migration;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.management.ThreadMXBean;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingListener;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Whatever else connects to the port where a destination waits neither ends it nor holds up the
 * source.
 */
@Timeout(120)
class StrangersTest {
  private static final long MIB = 4;
  private static final byte[] HTTP = "GET / HTTP/1.0\r\n\r\n".getBytes(US_ASCII);

  /** A ClientHello of TLS 1.2 and later starts so. */
  private static final byte[] TLS = {22, 3, 1, 2, 0, 1, 0, 1, (byte) 0xfc, 3, 3, 42, 42};

  private static final int HELLO_REPLY_BYTES = 4;

  private static final byte[] HELLO =
      Frames.of(FrameType.HELLO, new Messages.Hello(1, Protocol.MAX_VERSION).encode());

  /** A source that waits longer than this has been held up. */
  private static final Duration PATIENCE = Duration.ofSeconds(4);

  /** A destination, and those whom it turned away. */
  private static final class Waiting implements AutoCloseable {
    final TestMachine machine = TestMachine.waiting(MIB);
    final MigrationDestination destination = Hop.listen();
    final List<String> turnedAway = new CopyOnWriteArrayList<>();
    final List<Socket> strangers = new ArrayList<>();
    final CompletableFuture<IncomingResult> received;
    volatile long threadId;

    Waiting() throws IOException {
      this(Hop.DESTINATION);
    }

    Waiting(DestinationParameters parameters) throws IOException {
      IncomingListener listener =
          new IncomingListener() {
            @Override
            public void turnedAway(String reason) {
              turnedAway.add(reason);
            }
          };
      received =
          CompletableFuture.supplyAsync(
              () -> {
                threadId = Thread.currentThread().threadId();
                try {
                  return destination.receive(machine, parameters, listener);
                } catch (IOException e) {
                  throw new CompletionException(e);
                }
              });
    }

    Socket connect(byte[]... said) throws IOException {
      MigrationUri.Tcp uri = (MigrationUri.Tcp) destination.uri();
      Socket socket = new Socket(uri.host(), uri.port());
      strangers.add(socket);
      for (byte[] bytes : said) {
        socket.getOutputStream().write(bytes);
      }
      return socket;
    }

    /** Returns the frame of a source whose machine fits. */
    byte[] config(StreamSetup streams) {
      MigrationConfig config =
          new MigrationConfig(
              machine.description(),
              List.of(
                  new MigrationConfig.Block(RamBlock.RAM, MIB << 20),
                  new MigrationConfig.Block(RamBlock.BALLOON_BITMAP, RamBlock.PAGE_SIZE)),
              false,
              streams);
      return Frames.of(FrameType.CONFIG, config.encode(Protocol.MAX_VERSION));
    }

    /** The real source comes last, and is served. */
    void takesTheGuest(MigrationParameters parameters) throws Exception {
      try (TestMachine a = new TestMachine(MIB, RunState.RUNNING)) {
        a.fill(0, 500, 1);
        MigrationSource source =
            new MigrationSource(a, destination.uri(), parameters, MigrationListener.NONE);
        source.start();
        Hop hop = Hop.of(source.await(), received);
        assertThat(hop.progress().error()).isEmpty();
        assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
        assertThat(machine.firstDifference(a)).isEqualTo(-1);
      }
    }

    void takesTheGuest() throws Exception {
      takesTheGuest(Hop.PARAMETERS.withSilenceTimeout(PATIENCE));
    }

    @Override
    public void close() throws IOException {
      destination.cancel();
      for (Socket stranger : strangers) {
        stranger.close();
      }
      received.exceptionally(e -> null).join();
      destination.close();
      machine.close();
    }
  }

  @Test
  void aHealthCheckIsToldOffAndForgotten() throws Exception {
    try (Waiting waiting = new Waiting()) {
      for (int i = 0; i < 3; i++) {
        try (Socket check = waiting.connect(HTTP)) {
          check.shutdownOutput();
          InputStream answer = check.getInputStream();
          assertThat(Frames.type(answer.readAllBytes())).isEqualTo(FrameType.ERROR.code());
        }
      }
      waiting.takesTheGuest();
      assertThat(waiting.turnedAway)
          .hasSize(3)
          .containsOnly("not a migration stream: a frame starts with 0x20544547");
    }
  }

  @Test
  void oneThatStaysAndSaysSomethingElseKeepsNobodyWaiting() throws Exception {
    try (Waiting waiting = new Waiting()) {
      for (byte[] said : List.of(HTTP, TLS, new byte[100], new byte[1 << 20])) {
        waiting.connect(said);
      }
      waiting.takesTheGuest();
      assertThat(waiting.turnedAway).hasSize(4);
    }
  }

  @Test
  void silentOnesKeepNobodyWaiting() throws Exception {
    try (Waiting waiting = new Waiting()) {
      for (int i = 0; i < 100; i++) {
        waiting.connect();
      }
      waiting.takesTheGuest();
      assertThat(waiting.turnedAway).isEmpty();
    }
  }

  @Test
  void thoseThatSayOnlyAPartOfTheirGreetingKeepNobodyWaiting() throws Exception {
    try (Waiting waiting = new Waiting()) {
      for (int sent = 1; sent < 20; sent++) {
        waiting.connect(Arrays.copyOf(HELLO, sent));
      }
      waiting.takesTheGuest();
      assertThat(waiting.turnedAway).isEmpty();
    }
  }

  @Test
  void thousandsOfConnectionsCostNothing() throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Waiting waiting = new Waiting()) {
      waiting.connect(HTTP);
      await().until(() -> !waiting.turnedAway.isEmpty());
      long directBefore = directBytes();
      long heapBefore = threads.getThreadAllocatedBytes(waiting.threadId);
      for (int i = 0; i < 6000; i++) {
        Socket socket = waiting.connect();
        if (i % 2 == 0) {
          socket.close();
        }
        if (waiting.strangers.size() > 300) {
          waiting.strangers.removeFirst().close();
        }
      }
      waiting.takesTheGuest();
      long heap = threads.getThreadAllocatedBytes(waiting.threadId) - heapBefore;
      assertThat(heap / 6000).as("bytes of garbage for each").isLessThan(32 << 10);
      assertThat(directBytes() - directBefore).isLessThan(2 << 20);
    }
  }

  private static long directBytes() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  /** They know the protocol, and stop in the middle of it. */
  @Test
  void thoseThatGreetAndThenSayNothingKeepNobodyWaiting() throws Exception {
    try (Waiting waiting = new Waiting()) {
      byte[] half = Arrays.copyOf(Frames.of(FrameType.CONFIG, new byte[1 << 20]), 1 << 19);
      for (int i = 0; i < 20; i++) {
        waiting.connect(HELLO);
        waiting.connect(HELLO, half);
      }
      waiting.takesTheGuest();
      assertThat(waiting.turnedAway).isEmpty();
    }
  }

  @Test
  void aSourceThatLeavesBeforeItSendsRamDoesNotEndTheDestination() throws Exception {
    try (Waiting waiting = new Waiting()) {
      byte[] fits = waiting.config(StreamSetup.NONE);
      for (byte[] last :
          List.of(
              new byte[0],
              Frames.of(FrameType.CANCEL, new byte[0]),
              Frames.of(FrameType.ERROR, new Messages.Failure("no").encode()))) {
        try (Socket source = waiting.connect(HELLO, fits, last)) {
          source.shutdownOutput();
          assertThat(source.getInputStream().readAllBytes()).isNotEmpty();
        }
      }
      waiting.takesTheGuest();
      assertThat(waiting.turnedAway).hasSize(3);
    }
  }

  /** Neither with none, nor with some, nor with all of the streams that it announced. */
  @Test
  void aSourceOfSeveralStreamsThatLeavesBeforeItSendsRamDoesNotEndTheDestination()
      throws Exception {
    StreamSetup setup = new StreamSetup(2, 1, 2);
    try (Waiting waiting = new Waiting()) {
      for (int streams = 0; streams <= setup.count(); streams++) {
        byte[] config = waiting.config(setup);
        try (Socket source = waiting.connect(HELLO, config)) {
          InputStream answers = source.getInputStream();
          answers.readNBytes(2 * Protocol.HEADER_BYTES + HELLO_REPLY_BYTES);
          for (int i = 0; i < streams; i++) {
            waiting.connect(Frames.of(FrameType.STREAM, setup.greeting(i).encode()));
          }
        }
      }
      waiting.takesTheGuest(Hop.over(2, Hop.PARAMETERS).withSilenceTimeout(PATIENCE));
      assertThat(waiting.turnedAway).hasSize(3);
    }
  }

  /** A source has no reason to. */
  @Test
  void oneThatGreetsAndThenOnlySaysThatItIsThereIsGivenUp() throws Exception {
    DestinationParameters parameters =
        new DestinationParameters(
            Duration.ofSeconds(60),
            Duration.ofSeconds(60),
            Protocol.MAX_VERSION,
            Duration.ofMillis(500));
    try (Waiting waiting = new Waiting(parameters)) {
      Socket stranger = waiting.connect(HELLO);
      Thread keepAlive = Thread.ofPlatform().daemon().start(() -> keepAlive(stranger));
      await().until(() -> !waiting.turnedAway.isEmpty());
      waiting.takesTheGuest();
      keepAlive.join(5000);
      assertThat(waiting.turnedAway)
          .singleElement()
          .asString()
          .startsWith("KEEPALIVE: not now, the destination expects one of [CONFIG]");
    }
  }

  /** Goes on until the other side closes. */
  private static void keepAlive(Socket socket) {
    byte[] frame = Frames.of(FrameType.KEEPALIVE, new byte[0]);
    try {
      while (true) {
        socket.getOutputStream().write(frame);
      }
    } catch (IOException e) {
      assertThat(socket.isClosed()).as("closed by the other side: %s", e).isFalse();
    }
  }

  @Test
  void aSourceThatDoesNotFitIsTurnedAwayAndTheNextIsServed() throws Exception {
    try (Waiting waiting = new Waiting();
        TestMachine other = new TestMachine(2 * MIB, RunState.RUNNING)) {
      MigrationSource source =
          new MigrationSource(
              other, waiting.destination.uri(), Hop.PARAMETERS, MigrationListener.NONE);
      source.start();
      MigrationProgress end = source.await();
      assertThat(end.error().orElse("")).startsWith("the destination gave up: memory: ");
      assertThat(other.runState()).isEqualTo(RunState.RUNNING);

      waiting.takesTheGuest();
      assertThat(waiting.turnedAway).singleElement().asString().startsWith("memory: source has");
    }
  }

  @Test
  void damagedGreetingsAreAnsweredAndForgotten() throws Exception {
    try (Waiting waiting = new Waiting()) {
      for (int at = 0; at < HELLO.length; at++) {
        byte[] damaged = HELLO.clone();
        damaged[at] ^= 0x10;
        try (Socket socket = waiting.connect(damaged)) {
          socket.shutdownOutput();
          assertThat(socket.getInputStream().readAllBytes()).as("byte %d", at).isNotEmpty();
        }
      }
      try (Socket half = waiting.connect(Arrays.copyOf(HELLO, 30))) {
        half.shutdownOutput();
        assertThat(half.getInputStream().readAllBytes()).isEmpty();
      }
      waiting.takesTheGuest();
      assertThat(waiting.turnedAway).hasSize(HELLO.length);
    }
  }

  /** The description is only asked for once a source has greeted. */
  @Test
  void strangersBetweenTheStreamsOfAMigrationKeepNobodyWaiting() throws Exception {
    try (Waiting waiting = new Waiting()) {
      waiting.machine.beforeDescription(
          () -> {
            try {
              waiting.connect();
              waiting.connect(HTTP);
              waiting.connect(Frames.of(FrameType.STREAM, new byte[20]));
            } catch (IOException e) {
              throw new AssertionError(e);
            }
          });
      waiting.takesTheGuest(Hop.over(2, Hop.PARAMETERS).withSilenceTimeout(PATIENCE));
      for (Socket stranger : waiting.strangers) {
        assertThat(stranger.getInputStream().readAllBytes())
            .as("closed, after a word or none")
            .hasSizeLessThan(200);
      }
    }
  }
}
