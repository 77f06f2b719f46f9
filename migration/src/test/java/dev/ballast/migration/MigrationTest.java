package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.ProcessMappings;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.AnonymousRam;
import dev.ballast.vmm.memory.HostPages;
import dev.ballast.vmm.memory.MemfdRam;
import dev.ballast.vmm.memory.RamBacking;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole migrations between two machines that work. */
@Timeout(120)
class MigrationTest {
  private static final long MIB = 64;
  private static final Path TRANSPARENT_HUGE_PAGES =
      Path.of("/sys/kernel/mm/transparent_hugepage/enabled");

  @Test
  void movesContentAndStateAndLeavesTheRestUntouched() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(100, 1000, 1);
      a.fill(9000, 1, 2);
      a.guestWrite(5000, 0);

      Hop hop = Hop.run(a, b, Hop.PARAMETERS);

      assertCompleted(hop, a, b);
      MigrationProgress.Ram ram = hop.progress().ram();
      assertThat(ram.total()).isEqualTo(a.pages());
      assertThat(ram.scanned()).as("populated pages").isEqualTo(1002);
      assertThat(ram.unpopulated()).isEqualTo(a.pages() - 1002);
      assertThat(ram.normal()).isEqualTo(1001);
      assertThat(ram.zero()).isEqualTo(1);
      assertThat(hop.arrived().pagesReceived()).isEqualTo(1001);
      assertThat(hop.progress().traffic().transferred())
          .isBetween(1001L * 4096, 1001L * 4096 + 200_000);
    }
  }

  @Test
  void followsAGuestThatWritesAllTheTime() throws Exception {
    long seed = 42;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 4000, seed);
      TestMachine.Work work =
          (machine, random) -> machine.guestWrite(random.nextLong(6000), random.nextLong());
      a.startGuest(seed, work);

      Hop hop = Hop.run(a, b, slow());

      assertCompleted(hop, a, b);
      assertThat(hop.progress().ram().passes()).isGreaterThan(1);
      assertThat(b.steps()).isEqualTo(a.steps()).isPositive();
    }
  }

  /**
   * Between the sync and the reading of a pass the guest writes to a page that is none of its
   * candidates, and to one that is, but had no memory at the sync.
   */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void writesBetweenTheSyncAndTheReadingOfAPassAreNotLost(boolean file) throws Exception {
    long first = 640;
    long beside = 705;
    long returned = 642;
    AtomicLong pass = new AtomicLong();
    MigrationListener counter =
        new MigrationListener() {
          @Override
          public void passStarted(long number) {
            pass.set(number);
          }
        };
    RamBacking backing =
        file
            ? new MemfdRam(MIB << 20, HostPages.SMALL, false)
            : new AnonymousRam(MIB << 20, HostPages.SMALL, false);
    try (TestMachine a = new TestMachine(backing, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(first, 512, 1);
      a.dirtyLog()
          .beforeFetch(
              () -> {
                if (pass.get() == 1) {
                  for (long page = first; page < first + 400; page++) {
                    if (page != beside) {
                      a.guestWrite(page, 2);
                    }
                  }
                  takeAndReturn(a, returned);
                }
              });
      a.dirtyLog()
          .beforeProtect(
              () -> {
                if (pass.get() == 2) {
                  a.guestWrite(beside, 3);
                  a.guestWrite(returned, 4);
                }
              });
      MigrationParameters parameters =
          Hop.PARAMETERS.withMaxBandwidth(20_000_000).withDowntimeLimit(Duration.ZERO);

      Hop hop = Hop.run(a, b, parameters, Hop.DESTINATION, counter);

      assertCompleted(hop, a, b);
      assertThat(hop.progress().ram().passes()).isEqualTo(3);
    }
  }

  /** With many vCPUs, each call of KVM interrupts all of them. */
  @ParameterizedTest
  @CsvSource({"32, 0, 4", "64, 0, 2", "1024, 0, 1", "64, 3, 2"})
  void asMuchIsProtectedAtOnceAsTheLogLikesBest(long unitMib, int streams, long protects)
      throws Exception {
    long mib = 128;
    try (TestMachine a = new TestMachine(mib, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(mib)) {
      a.dirtyLog().protectBytes(unitMib << 20);
      for (long page = 0; page < a.pages(); page += 1000) {
        a.guestWrite(page, page);
      }

      Hop hop = Hop.run(a, b, Hop.over(streams, Hop.PARAMETERS));

      assertCompleted(hop, a, b);
      assertThat(a.dirtyLog().protects()).isEqualTo(protects);
    }
  }

  /**
   * A destination that took two mappings for each separate run would come to the kernel's limit.
   */
  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void scatteredContentTakesFewMappingsAtTheDestination(int streams) throws Exception {
    long mib = 512;
    long hugePage = 512;
    RamBacking backing = new AnonymousRam(mib << 20, HostPages.TRANSPARENT_HUGE, false);
    backing.startReceiving();
    try (TestMachine a = new TestMachine(mib, RunState.RUNNING);
        TestMachine b = new TestMachine(backing, RunState.INMIGRATE)) {
      int runs = 0;
      for (long page = 0; page < a.pages(); page += 2 * hugePage) {
        a.fill(page, hugePage, page);
        runs++;
      }
      int before = ProcessMappings.count(b.ram());

      Hop hop = Hop.run(a, b, Hop.over(streams, Hop.PARAMETERS));

      assertCompleted(hop, a, b);
      assertThat(ProcessMappings.count(b.ram()) - before).isLessThan(8 * (streams + 1));
      if (Files.readString(TRANSPARENT_HUGE_PAGES).contains("[never]")) {
        return;
      }
      long whole = runs * (2L << 20);
      assertThat(ProcessMappings.hugeBytes(b.ram())).isBetween(whole * 9 / 10, whole);
    }
  }

  private static void takeAndReturn(TestMachine machine, long page) {
    try {
      machine.balloon().inflate(page, 1);
      machine.balloon().deflate(page, 1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void skipsExactlyTheBalloonOnEveryHop() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        TestMachine c = TestMachine.waiting(MIB)) {
      a.fill(0, 2000, 3);
      a.balloon().inflate(500, 700);
      a.balloon().inflate(10_000, 3);
      a.balloon().inflate(16_380, 4);

      Hop first = Hop.run(a, b, Hop.PARAMETERS);
      assertCompleted(first, a, b);
      Hop second = Hop.run(b, c, Hop.PARAMETERS);
      assertCompleted(second, b, c);

      for (Hop hop : List.of(first, second)) {
        MigrationProgress.Balloon balloon = hop.progress().balloon();
        assertThat(balloon.active()).isTrue();
        assertThat(balloon.reason()).isEmpty();
        assertThat(balloon.pagesSkipped()).isEqualTo(707);
        assertThat(balloon.bitmapBytesDowntime()).isZero();
        assertThat(balloon.bitmapBytes()).isBetween(1L, 200L);
        assertThat(hop.progress().ram().scanned()).isEqualTo(1300);
        assertThat(hop.arrived().bitmapReceived()).isTrue();
      }
      assertThat(c.balloon().excluded().cardinality()).isEqualTo(707);
    }
  }

  @Test
  void withTheCapabilityOffTheBitmapStaysBehind() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 2000, 3);
      a.balloon().inflate(500, 700);

      Hop hop = Hop.run(a, b, Hop.PARAMETERS.withSkipBalloon(false));

      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(hop.progress().balloon())
          .isEqualTo(
              new MigrationProgress.Balloon(false, "capability skip-balloon is off", 0, 0, 0));
      assertThat(hop.arrived().bitmapReceived()).isFalse();
      assertThat(b.balloon().excluded().cardinality()).isZero();
      assertThat(b.firstDifference(a)).isEqualTo(-1);
    }
  }

  /**
   * Real memory, so that it can be seen what has a page behind it: between the first pass and the
   * last one, pages that were sent become zero or go into the balloon, and ballooned ones come
   * back.
   */
  @Test
  void theDestinationHoldsNoMoreThanWhatHasContent(@TempDir Path directory) throws Exception {
    AnonymousRam waiting = new AnonymousRam(MIB << 20, HostPages.TRANSPARENT_HUGE, false);
    waiting.startReceiving();
    try (TestMachine a = new TestMachine(new AnonymousRam(MIB << 20, false), RunState.RUNNING);
        TestMachine b = new TestMachine(waiting, RunState.INMIGRATE)) {
      a.fill(0, 1000, 1);
      a.ram().asSlice(2000 * 4096, 500 * 4096).fill((byte) 0);
      a.balloon().inflate(5000, 100);
      MigrationListener listener =
          new MigrationListener() {
            @Override
            public void statusChanged(MigrationStatus status) {
              if (status == MigrationStatus.DEVICE) {
                changeBeforeTheLastPass(a);
              }
            }
          };

      Hop hop =
          Hop.run(
              a,
              b,
              new MigrationUri.Unix(directory.resolve("m")),
              Hop.PARAMETERS,
              Hop.DESTINATION,
              listener);

      assertCompleted(hop, a, b);
      assertThat(b.populated().cardinality()).isEqualTo(1000 - 10 - 50 + 20);
      assertThat(b.populated().cardinality(100, 10)).as("became zero").isZero();
      assertThat(b.populated().cardinality(200, 50)).as("went into the balloon").isZero();
      assertThat(b.populated().cardinality(5000, 20)).as("came out of the balloon").isEqualTo(20);
      assertThat(b.balloon().excluded().cardinality()).isEqualTo(100 - 30 + 50);
      assertThat(hop.arrived().pagesDiscarded()).isEqualTo(60);
      assertThat(hop.progress().balloon().pagesSkipped()).isEqualTo(100);
      assertThat(hop.progress().balloon().bitmapBytesDowntime()).isPositive();
    }
  }

  private static void changeBeforeTheLastPass(TestMachine machine) {
    machine.ram().asSlice(100 * 4096, 10 * 4096).fill((byte) 0);
    for (long page = 100; page < 110; page++) {
      machine.guestWrite(page, 0);
    }
    try {
      machine.balloon().inflate(200, 50);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    machine.balloon().deflate(5000, 30);
    machine.fill(5000, 20, 9);
  }

  @Test
  void aWriteThatNoLogSawIsFoundByTheDigests() throws Exception {
    for (boolean verify : new boolean[] {true, false}) {
      try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
          TestMachine b = TestMachine.waiting(MIB)) {
        a.fill(0, 1000, 1);
        MigrationListener listener =
            new MigrationListener() {
              @Override
              public void statusChanged(MigrationStatus status) {
                if (status == MigrationStatus.DEVICE) {
                  a.ram().set(ValueLayout.JAVA_BYTE, 500 * 4096 + 17, (byte) (b.steps() + 1));
                }
              }
            };
        Hop hop = Hop.run(a, b, Hop.PARAMETERS.withVerify(verify), Hop.DESTINATION, listener);
        if (verify) {
          assertThat(hop.progress().error().orElse(""))
              .startsWith("the destination gave up: memory differs in pages 0 to 1023");
          assertThat(a.runState()).isEqualTo(RunState.RUNNING);
          assertThat(b.runState()).isEqualTo(RunState.INMIGRATE);
        } else {
          assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
          assertThat(b.firstDifference(a)).isEqualTo(500);
        }
      }
    }
  }

  @Test
  void pagesCarryChecksumsThroughANetworkOnly(@TempDir Path directory) throws Exception {
    long pages = 1000;
    List<Long> transferred = new ArrayList<>();
    for (String uri : List.of("tcp:127.0.0.1:0", "unix:" + directory.resolve("m"))) {
      try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
          TestMachine b = TestMachine.waiting(MIB)) {
        a.fill(0, pages, 1);
        Hop hop =
            Hop.run(
                a,
                b,
                MigrationUri.parse(uri),
                Hop.PARAMETERS,
                Hop.DESTINATION,
                MigrationListener.NONE);
        assertCompleted(hop, a, b);
        transferred.add(hop.progress().traffic().transferred());
      }
    }
    assertThat(transferred.getFirst() - transferred.getLast()).isEqualTo(pages * Integer.BYTES);
  }

  @Test
  void aPausedGuestArrivesPaused() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.PAUSED);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 10, 3);
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(a.runState()).isEqualTo(RunState.POSTMIGRATE);
      assertThat(b.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  @Test
  void survivesABalloonThatMovesInEveryPass() throws Exception {
    long seed = 7;
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB);
        TestMachine c = TestMachine.waiting(MIB)) {
      a.fill(0, 8000, seed);
      a.startGuest(seed, MigrationTest::writeAndBalloon);
      Hop first = Hop.run(a, b, slow());
      assertCompleted(first, a, b);
      assertThat(first.progress().ram().passes()).isGreaterThan(1);
      assertThat(b.balloon().excluded().cardinality())
          .isEqualTo(a.balloon().excluded().cardinality())
          .isPositive();

      b.startGuest(seed + 1, MigrationTest::writeAndBalloon);
      Hop second = Hop.run(b, c, slow());
      assertCompleted(second, b, c);
    }
  }

  static void writeAndBalloon(TestMachine machine, SplittableRandom random) throws IOException {
    long page = random.nextLong(10_000);
    int choice = random.nextInt(10);
    boolean ballooned = machine.balloon().excluded().get(page);
    if (ballooned && choice < 7) {
      machine.balloon().deflate(page, 1);
      if (choice < 4) {
        machine.guestWrite(page, random.nextLong());
      }
    } else if (!ballooned && choice < 2) {
      machine.balloon().inflate(page, 1);
    } else if (!ballooned) {
      machine.guestWrite(page, choice == 2 ? 0 : random.nextLong());
    }
  }

  @Test
  void anOlderDestinationGetsNoBitmap() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 100, 3);
      a.balloon().inflate(50, 10);
      Hop hop = Hop.run(a, b, Hop.PARAMETERS.withMaxProtocolVersion(Protocol.VERSION_1));
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(hop.arrived().protocolVersion()).isEqualTo(1);
      assertThat(hop.progress().balloon().reason())
          .isEqualTo("protocol version 1 has no balloon bitmap");
      assertThat(b.firstDifference(a)).isEqualTo(-1);
    }
  }

  /**
   * So slow that a busy guest dirties something in every pass, so strict that there are several.
   */
  static MigrationParameters slow() {
    return Hop.PARAMETERS
        .withMaxBandwidth(60 << 20)
        .withDowntimeLimit(Duration.ofMillis(20))
        .withMaxPasses(1000);
  }

  static void assertCompleted(Hop hop, TestMachine from, TestMachine to) {
    assertThat(hop.progress().error()).isEmpty();
    assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
    assertThat(hop.failure()).isNull();
    assertThat(from.runState()).isEqualTo(RunState.POSTMIGRATE);
    assertThat(to.runState()).isEqualTo(RunState.RUNNING);
    assertThat(from.dirtyLog().isRunning()).isFalse();
    assertThat(to.firstDifference(from)).as("first page that differs").isEqualTo(-1);
    assertThat(to.firstBalloonedWithContent()).as("ballooned page with content").isEqualTo(-1);
  }
}
