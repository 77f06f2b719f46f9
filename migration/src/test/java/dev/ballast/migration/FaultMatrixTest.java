package dev.ballast.migration;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.destination.IncomingResult;
import dev.ballast.migration.destination.MigrationDestination;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationSource;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Content;
import dev.ballast.migration.testing.FaultyProxy;
import dev.ballast.migration.testing.FaultyProxy.Direction;
import dev.ballast.migration.testing.FaultyProxy.Fault;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Streams, with pages plain and compressed, that are cut, truncated, stalled or damaged at every
 * frame boundary and at seeded places inside every frame, both ways: before COMMIT the guest runs
 * at the source and nowhere else, the survivor says what happened, and nothing is left behind.
 */
@Timeout(300)
class FaultMatrixTest {
  private static final long SEED = 20_16;
  private static final long MIB = 4;
  private static final Duration SHORT = Duration.ofMillis(400);
  private static final int BALLOONED = 100;

  /** Of the answers: HELLO_REPLY has 4 bytes of payload; CONFIG_REPLY, READY and RUNNING none. */
  private static final int READY_STARTS = 2 * Protocol.HEADER_BYTES + 4;

  private static final int RUNNING_STARTS = READY_STARTS + Protocol.HEADER_BYTES;

  /** A few threads, code, classes and arenas of the C library. */
  private static final long JVM_MAPPINGS = 150;

  private static final long JVM_BYTES = 1L << 30;

  private static byte[] stream;
  private static List<Integer> boundaries;
  private static Left before;
  private static int tries;

  @BeforeAll
  static void recordACleanStream() throws Exception {
    Try clean = migrate(Fault.NONE, Direction.FORTH, 0, false);
    assertThat(clean.hop().progress().error()).isEmpty();
    assertThat(clean.destination()).isEqualTo(RunState.RUNNING);
    stream = clean.stream();
    boundaries = frames(stream);
    assertThat(boundaries.stream().map(FaultMatrixTest::type).distinct())
        .as("frames of every phase")
        .contains(
            FrameType.HELLO.code(),
            FrameType.CONFIG.code(),
            FrameType.RAM_PAGES.code(),
            FrameType.BITMAP.code(),
            FrameType.ZERO_PAGES.code(),
            FrameType.PASS_END.code(),
            FrameType.VERIFY.code(),
            FrameType.STATE_SECTION.code(),
            FrameType.STATE_END.code());
    assertThat(type(commitStart())).isEqualTo(FrameType.COMMIT.code());
    assertThat(
            boundaries.stream().filter(FaultMatrixTest::isPages).map(FaultMatrixTest::isCompressed))
        .as("pages as they are, and compressed ones")
        .contains(false, true);
    System.out.printf(
        "FaultMatrixTest seed %d, %d frames, %d bytes%n", SEED, boundaries.size(), stream.length);
    before = Left.now();
    tries = 0;
  }

  /**
   * What a process has, and would have more of if tries left something behind.
   *
   * @param descriptors open ones
   * @param mappings of its address space
   * @param addressSpace its size in bytes
   * @param threads all of them
   */
  private record Left(long descriptors, long mappings, long addressSpace, Set<Thread> threads) {
    /** Come and go with the JVM and the tools of tests, whatever is tested. */
    private static final List<String> OTHERS =
        List.of("ForkJoinPool.commonPool-", "awaitility-", "junit-");

    static Left now() throws IOException {
      try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"));
          Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
        // The first number of statm: pages, as the kernel counts them.
        String pages = Files.readString(Path.of("/proc/self/statm")).split(" ", 2)[0];
        return new Left(
            files.count(),
            maps.count(),
            Long.parseLong(pages) * 4096,
            Thread.getAllStackTraces().keySet());
      }
    }

    List<String> startedSince(Left earlier) {
      return threads.stream()
          .filter(thread -> !earlier.threads.contains(thread))
          .map(Thread::getName)
          .filter(name -> OTHERS.stream().noneMatch(name::startsWith))
          .toList();
    }
  }

  /** The JVM's own needs vary: what each try would leave is more than what is allowed in all. */
  @AfterAll
  static void nothingIsLeft() throws IOException {
    await().untilAsserted(() -> assertThat(Left.now().startedSince(before)).isEmpty());
    Left after = Left.now();
    System.out.printf(
        "FaultMatrixTest: %d tries, %d mappings more, %d MiB of address space more%n",
        tries, after.mappings - before.mappings, (after.addressSpace - before.addressSpace) >> 20);
    assertThat(after.descriptors).as("open descriptors").isLessThanOrEqualTo(before.descriptors);
    assertThat(after.mappings - before.mappings)
        .as("mappings after %d tries", tries)
        .isLessThan(Math.max(JVM_MAPPINGS, tries / 2));
    assertThat(after.addressSpace - before.addressSpace)
        .as("bytes of address space after %d tries", tries)
        .isLessThan(Math.max(JVM_BYTES, tries * (MIB << 20) / 2));
  }

  /**
   * One try.
   *
   * @param hop how it ended
   * @param stream what the source sent
   * @param source the state of the source afterwards
   * @param destination the state of the destination afterwards
   * @param unconfirmed what the guest may be continued as at the source; null if it may not
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Try(
      Hop hop,
      byte[] stream,
      RunState source,
      RunState destination,
      @Nullable RunState unconfirmed) {}

  /** Writes in the first pass, so that there is more than one and something becomes zero. */
  private static MigrationListener guest(TestMachine machine) {
    return new MigrationListener() {
      @Override
      public void passStarted(long pass) {
        if (pass == 1) {
          machine.guestWrite(302, 4711);
        } else if (machine.ram().get(JAVA_BYTE, 5 << 12) != 0) {
          machine.ram().asSlice(5 << 12, 4096).fill((byte) 0);
          machine.guestWrite(5, 0);
        }
      }

      @Override
      public void statusChanged(MigrationStatus status) {
        if (status == MigrationStatus.DEVICE) {
          passStarted(2);
        }
      }
    };
  }

  private static Try migrate(Fault fault, Direction direction, long position, boolean again)
      throws Exception {
    tries++;
    MigrationParameters how = Hop.PARAMETERS.withCompression(PageCompression.ZSTD);
    MigrationParameters parameters = fault == Fault.STALL ? how.withSilenceTimeout(SHORT) : how;
    DestinationParameters here =
        fault == Fault.STALL || fault == Fault.HOLD
            ? new DestinationParameters(Duration.ofSeconds(5), SHORT, Protocol.MAX_VERSION)
            : new DestinationParameters(
                Duration.ofSeconds(2), Duration.ofSeconds(10), Protocol.MAX_VERSION);
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        MigrationDestination destination = Hop.listen();
        FaultyProxy proxy = new FaultyProxy(destination.uri(), fault, direction, position)) {
      a.fill(0, 12, SEED);
      a.fill(300, 3, SEED);
      a.fill(600, 70, Content.WORDS, SEED);
      a.balloon().inflate(500, BALLOONED);
      CompletableFuture<IncomingResult> received = Hop.receive(destination, b, here);
      MigrationSource source = new MigrationSource(a, proxy.uri(), parameters, guest(a));
      source.start();
      Hop hop = Hop.of(source.await(), received);
      Try result = new Try(hop, proxy.recorded(), a.runState(), b.runState(), a.unconfirmed());
      if (fault != Fault.NONE) {
        assertThat(proxy.harmed()).as("%s at %d", fault, position).isTrue();
      }
      assertThat(a.dirtyLog().isRunning()).as("dirty log").isFalse();
      assertThat(a.throttlePercentage()).isZero();
      assertThat(a.balloon().excluded().cardinality()).isEqualTo(BALLOONED);
      if (b.runState() == RunState.RUNNING) {
        assertThat(b.firstDifference(a)).as("first page that differs").isEqualTo(-1);
      }
      if (again && a.runState() == RunState.RUNNING) {
        migratesAgain(a);
      }
      return result;
    }
  }

  private static void migratesAgain(TestMachine a) throws Exception {
    try (TestMachine c = TestMachine.waiting(MIB)) {
      Hop hop = Hop.run(a, c, Hop.PARAMETERS);
      assertThat(hop.progress().error()).isEmpty();
      assertThat(hop.progress().balloon().pagesSkipped()).isEqualTo(BALLOONED);
      assertThat(c.firstDifference(a)).isEqualTo(-1);
    }
  }

  /** Where frames start in a stream. */
  private static List<Integer> frames(byte[] stream) {
    ByteBuffer bytes = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN);
    List<Integer> starts = new ArrayList<>();
    int at = 0;
    while (at < stream.length) {
      assertThat(bytes.getInt(at)).as("magic at %d", at).isEqualTo(Protocol.MAGIC);
      starts.add(at);
      at += Protocol.HEADER_BYTES + bytes.getInt(at + 32);
    }
    return starts;
  }

  private static int type(int start) {
    return type(stream, start);
  }

  private static int type(byte[] stream, int start) {
    return ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN).getShort(start + 4);
  }

  private static boolean isPages(int start) {
    return type(start) == FrameType.RAM_PAGES.code();
  }

  private static boolean isCompressed(int start) {
    int flags = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN).getShort(start + 6);
    return (flags & Protocol.FLAG_COMPRESSED) != 0;
  }

  private static int commitStart() {
    return boundaries.getLast();
  }

  /** Every boundary, {@code each} places in every header and payload, and {@code more} anywhere. */
  private static List<Integer> positions(int each, int more) {
    SplittableRandom random = new SplittableRandom(SEED);
    TreeSet<Integer> positions = new TreeSet<>(boundaries);
    for (int i = 0; i < boundaries.size(); i++) {
      int start = boundaries.get(i);
      int end = i + 1 < boundaries.size() ? boundaries.get(i + 1) : stream.length;
      int payload = start + Protocol.HEADER_BYTES;
      for (int n = 0; n < each; n++) {
        positions.add(start + 1 + random.nextInt(Protocol.HEADER_BYTES - 1));
        if (end > payload) {
          positions.add(payload + random.nextInt(end - payload));
        }
      }
    }
    for (int i = 0; i < more; i++) {
      positions.add(random.nextInt(stream.length));
    }
    return List.copyOf(positions);
  }

  /** Where each type of frame starts for the first time, and the middle of that frame's header. */
  private static List<Integer> firstOfEachType() {
    Map<Integer, Integer> first = new TreeMap<>();
    boundaries.forEach(start -> first.putIfAbsent(type(start), start));
    TreeSet<Integer> positions = new TreeSet<>(first.values());
    first.values().forEach(start -> positions.add(start + Protocol.HEADER_BYTES / 2));
    return List.copyOf(positions);
  }

  private static void check(Try result, Fault fault, int position) {
    String where = fault + " at byte " + position + ", COMMIT starts at " + commitStart();
    Hop hop = result.hop();
    if (hop.progress().status() == MigrationStatus.COMPLETED) {
      // A damaged page that the guest wrote again in a later pass came again, whole.
      assertThat(fault).as(where).isEqualTo(Fault.FLIP);
      assertThat(result.source()).as(where).isEqualTo(RunState.POSTMIGRATE);
      assertThat(result.destination()).as(where).isEqualTo(RunState.RUNNING);
      return;
    }
    assertThat(hop.progress().status()).as(where).isEqualTo(MigrationStatus.FAILED);
    assertThat(hop.progress().error().orElse("")).as(where).isNotBlank().hasLineCount(1);
    assertThat(hop.failure()).as(where).isNotNull();
    assertThat(hop.failure().getMessage()).as(where).isNotBlank().hasLineCount(1);
    assertThat(result.destination()).as(where).isEqualTo(RunState.INMIGRATE);
    if (position < commitStart()) {
      assertThat(result.source()).as(where).isEqualTo(RunState.RUNNING);
    } else if (result.source() == RunState.RUNNING) {
      // A destination that is still there says that it does not run the guest, and never will.
      assertThat(hop.progress().error().orElse("")).as(where).startsWith("the destination gave up");
    } else {
      assertThat(fault).as(where).isIn(Fault.CUT, Fault.STALL);
      assertThat(result.unconfirmed()).as(where).isEqualTo(RunState.RUNNING);
      assertThat(result.source()).as(where).isEqualTo(RunState.POSTMIGRATE);
      assertThat(hop.progress().error().orElse(""))
          .as(where)
          .startsWith("the guest was handed over, but the destination did not confirm it: ");
    }
  }

  private static List<Try> tryAll(Fault fault, List<Integer> positions) throws Exception {
    List<Try> tries = new ArrayList<>();
    for (int position : positions) {
      Try result = migrate(fault, Direction.FORTH, position, tries.size() % 8 == 0);
      check(result, fault, position);
      tries.add(result);
    }
    return tries;
  }

  @Test
  void cut() throws Exception {
    tryAll(Fault.CUT, positions(1, 20));
  }

  @Test
  void truncated() throws Exception {
    for (Try result : tryAll(Fault.TRUNCATE, positions(1, 0))) {
      // Not a byte arrived: that was no source, and the destination waits for one.
      assertThat(result.hop().failure())
          .hasMessageFindingMatch("the other side closed the|no source connected within");
    }
  }

  @Test
  void flipped() throws Exception {
    List<Integer> positions = positions(3, 60);
    List<Try> tries = tryAll(Fault.FLIP, positions);
    for (int i = 0; i < positions.size(); i++) {
      Hop hop = tries.get(i).hop();
      if (positions.get(i) < commitStart()
          && hop.progress().status() != MigrationStatus.COMPLETED) {
        assertThat(hop.progress().error().orElse(""))
            .as("the source names what the destination found, byte %d", positions.get(i))
            .startsWith("the destination gave up: ");
      }
    }
  }

  @Test
  void stalled() throws Exception {
    for (Try result : tryAll(Fault.STALL, firstOfEachType())) {
      // The first that loses patience closes the connection, which the other may notice first. A
      // destination that got not a byte waits for a source again.
      assertThat(result.hop().failure().getMessage() + result.hop().progress().error())
          .containsPattern(
              "the other side (sent|takes) nothing for 400 ms|no source connected within");
    }
  }

  @Test
  void answersThatGoWrong() throws Exception {
    for (Fault fault : List.of(Fault.CUT, Fault.FLIP, Fault.TRUNCATE, Fault.STALL)) {
      int step = fault == Fault.STALL ? Protocol.HEADER_BYTES : 7;
      for (int position = 0; position < RUNNING_STARTS + Protocol.HEADER_BYTES; position += step) {
        Try broken = migrate(fault, Direction.BACK, position, position % 3 == 0);
        String where = fault + " at byte " + position + " of the answers";
        assertThat(broken.hop().progress().status()).as(where).isEqualTo(MigrationStatus.FAILED);
        assertThat(broken.hop().progress().error().orElse("")).as(where).isNotBlank();
        if (position < RUNNING_STARTS) {
          assertThat(broken.source()).as(where).isEqualTo(RunState.RUNNING);
          assertThat(broken.destination()).as(where).isEqualTo(RunState.INMIGRATE);
          assertThat(broken.hop().failure()).as(where).isNotNull();
        } else {
          assertThat(broken.source()).as(where).isEqualTo(RunState.POSTMIGRATE);
          assertThat(broken.destination()).as(where).isEqualTo(RunState.RUNNING);
          assertThat(broken.hop().progress().error().orElse(""))
              .as(where)
              .startsWith("the guest was handed over, but the destination did not confirm it: ");
        }
      }
    }
  }

  /**
   * The source was suspended, or its host, while the destination lost patience: what it finds when
   * it goes on is READY, and behind that the refusal and the end.
   */
  @Test
  void answersThatComeAllAtOnceWhenTheDestinationHasGivenUp() throws Exception {
    Try late = migrate(Fault.HOLD, Direction.BACK, READY_STARTS, true);
    assertThat(late.hop().failure()).hasMessageContaining("sent nothing for 400 ms");
    assertThat(late.hop().progress().status()).isEqualTo(MigrationStatus.FAILED);
    assertThat(late.hop().progress().error().orElse(""))
        .startsWith("the destination gave up: ")
        .endsWith("sent nothing for 400 ms");
    assertThat(late.source()).isEqualTo(RunState.RUNNING);
    assertThat(late.destination()).isEqualTo(RunState.INMIGRATE);
    assertThat(frames(late.stream()).stream().map(at -> type(late.stream(), at)))
        .as("COMMIT is not sent any more")
        .doesNotContain(FrameType.COMMIT.code());
  }

  @Test
  void aConfirmationThatComesLateIsOne() throws Exception {
    Try late = migrate(Fault.HOLD, Direction.BACK, RUNNING_STARTS, false);
    assertThat(late.hop().progress().error()).isEmpty();
    assertThat(late.source()).isEqualTo(RunState.POSTMIGRATE);
    assertThat(late.destination()).isEqualTo(RunState.RUNNING);
  }
}
