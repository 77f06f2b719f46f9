package dev.ballast.migration;

import static dev.ballast.migration.MigrationTest.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestBacking;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Migrations of guests on host pages of more than 4 KiB, and between hosts that differ in it. */
@Timeout(120)
class HostPageTest {
  private static final long MIB = 1 << 20;
  private static final long RAM = 64 * MIB;
  private static final long SMALL = 4096;
  private static final long HUGE = 2 * MIB;
  private static final int PARTS = (int) (HUGE / SMALL);

  private static TestMachine machine(long hostPageSize, RunState state) {
    return new TestMachine(new TestBacking(RAM, hostPageSize), state);
  }

  private static TestMachine waiting(long hostPageSize) {
    return machine(hostPageSize, RunState.INMIGRATE);
  }

  /** One host page in the balloon as a whole, one in part. */
  @Test
  void aHostPageIsSkippedWhenAllOfItIsInTheBalloon() throws Exception {
    try (TestMachine a = machine(HUGE, RunState.RUNNING);
        TestMachine b = waiting(SMALL);
        TestMachine c = waiting(HUGE)) {
      a.fill(0, 4 * PARTS, 3);
      a.balloon().inflate(PARTS, PARTS + 100);

      Hop first = Hop.run(a, b, Hop.PARAMETERS.withVerify(true));
      assertCompleted(first, a, b);
      assertThat(first.progress().balloon().pagesSkipped()).isEqualTo(PARTS);
      assertThat(first.progress().ram().normal()).isEqualTo(3 * PARTS);
      assertThat(first.arrived().pagesDiscarded()).isEqualTo(100);
      assertThat(b.balloon().excluded().cardinality()).isEqualTo(PARTS + 100);
      assertThat(b.populated().cardinality()).isEqualTo(3 * PARTS - 100);

      Hop second = Hop.run(b, c, Hop.PARAMETERS.withVerify(true));
      assertCompleted(second, b, c);
      assertThat(second.progress().balloon().pagesSkipped()).isEqualTo(PARTS + 100);
      assertThat(second.arrived().pagesDiscarded()).isZero();
      assertThat(c.populated().cardinality()).isEqualTo(3 * PARTS);
    }
  }

  /**
   * Between the first pass and the last one, pages that were sent become zero or go into the
   * balloon, some of them so that nothing is left in their host page.
   */
  @Test
  void theDestinationGivesBackWholeHostPagesAndOverwritesParts() throws Exception {
    TestBacking huge = new TestBacking(RAM, HUGE);
    try (TestMachine a = machine(SMALL, RunState.RUNNING);
        TestMachine b = new TestMachine(huge, RunState.INMIGRATE)) {
      a.fill(0, 4 * PARTS, 3);
      a.fill(5 * PARTS, 10, 4);
      MigrationListener listener =
          new MigrationListener() {
            @Override
            public void statusChanged(MigrationStatus status) {
              if (status == MigrationStatus.DEVICE) {
                change(a);
              }
            }
          };

      Hop hop = Hop.run(a, b, Hop.PARAMETERS.withVerify(true), Hop.DESTINATION, listener);

      assertCompleted(hop, a, b);
      assertThat(hop.arrived().pagesDiscarded()).isEqualTo(20 + 30 + 2 * PARTS + 10);
      assertThat(huge.discardedBytes()).as("of which nothing is left").isEqualTo(3 * HUGE);
      assertThat(b.populated().cardinality()).isEqualTo(2 * PARTS);
      assertThat(b.populated().cardinality(0, PARTS)).as("zero in part").isEqualTo(PARTS);
      assertThat(b.populated().cardinality(PARTS, PARTS)).as("zero and ballooned").isZero();
      assertThat(b.populated().cardinality(2 * PARTS, PARTS)).as("in part").isEqualTo(PARTS);
    }
  }

  private static void change(TestMachine machine) {
    zero(machine, 10, 20);
    zero(machine, PARTS, 200);
    zero(machine, 5 * PARTS, 10);
    try {
      machine.balloon().inflate(PARTS + 200, PARTS - 200);
      machine.balloon().inflate(2 * PARTS + 7, 30);
      machine.balloon().inflate(3 * PARTS, PARTS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void zero(TestMachine machine, long first, long count) {
    MemorySegment pages = machine.ram().asSlice(first * SMALL, count * SMALL);
    pages.fill((byte) 0);
    for (long page = first; page < first + count; page++) {
      machine.guestWrite(page, 0);
    }
  }

  @ParameterizedTest
  @CsvSource({"4096, 2097152", "2097152, 4096", "2097152, 2097152", "4194304, 2097152"})
  void survivesABalloonThatMovesInEveryPass(long from, long to) throws Exception {
    long seed = 11;
    try (TestMachine a = machine(from, RunState.RUNNING);
        TestMachine b = waiting(to);
        TestMachine c = waiting(from)) {
      a.fill(0, 8000, seed);
      a.balloon().inflate(2 * PARTS, 3 * PARTS);
      a.balloon().inflate(6 * PARTS + 5, 4 * PARTS);
      a.startGuest(seed, HostPageTest::writeAndBalloon);
      Hop first = Hop.run(a, b, MigrationTest.slow().withVerify(true));
      assertCompleted(first, a, b);
      assertThat(first.progress().ram().passes()).as("seed %d", seed).isGreaterThan(1);

      b.startGuest(seed + 1, HostPageTest::writeAndBalloon);
      Hop second = Hop.run(b, c, MigrationTest.slow().withVerify(true));
      assertCompleted(second, b, c);
    }
  }

  /** Moves single pages, ranges and whole host pages in and out, and writes to what is out. */
  private static void writeAndBalloon(TestMachine machine, SplittableRandom random)
      throws IOException {
    long page = random.nextLong(8000);
    int choice = random.nextInt(1000);
    if (choice < 3) {
      machine.balloon().inflate(page & -PARTS, PARTS);
    } else if (choice < 6) {
      machine.balloon().inflate(page, random.nextLong(1, 300));
    } else if (choice < 8) {
      machine.balloon().deflate(page, random.nextLong(1, 200));
    } else if (choice < 100) {
      machine.balloon().deflate(page, 1);
      machine.guestWrite(page, random.nextLong());
    } else if (!machine.balloon().excluded().get(page)) {
      machine.guestWrite(page, random.nextInt(4) == 0 ? 0 : random.nextLong());
    }
  }
}
