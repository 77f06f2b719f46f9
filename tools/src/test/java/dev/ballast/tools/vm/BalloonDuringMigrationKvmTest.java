package dev.ballast.tools.vm;

import static dev.ballast.tools.vm.BareGuests.MEMORY;
import static dev.ballast.tools.vm.BareGuests.MIB;
import static dev.ballast.tools.vm.BareGuests.TIMEOUT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The balloon moves while the guest moves: in every pass, at rate, and in the last moment. */
@Tag("kvm")
class BalloonDuringMigrationKvmTest {
  private static final long PAGE = RamBlock.PAGE_SIZE;

  @TempDir Path directory;
  private BareGuests machines;

  @BeforeEach
  void make() {
    machines = new BareGuests(directory);
  }

  @AfterEach
  void close() throws Exception {
    machines.close();
  }

  /** Keeps a migration from ending while the guest writes faster than this. */
  private static void hold(KvmVirtualMachine vm, long bytesPerSecond) {
    vm.migration()
        .setParameters(
            MigrationParameters.DEFAULT
                .withMaxBandwidth(bytesPerSecond)
                .withDowntimeLimit(Duration.ZERO));
  }

  private static void letGo(KvmVirtualMachine vm) {
    vm.migration()
        .setParameters(MigrationParameters.DEFAULT.withDowntimeLimit(Duration.ofMinutes(30)));
  }

  private static void awaitPass(KvmVirtualMachine vm, long pass) {
    await()
        .atMost(TIMEOUT)
        .until(
            () ->
                vm.migration().progress().ram().dirtySyncs() >= pass
                    || !vm.migration().progress().status().underWay());
    assertThat(vm.migration().progress().status()).isEqualTo(MigrationStatus.ACTIVE);
  }

  /**
   * In each pass: pages that were sent go into the balloon, pages come out of it and are written,
   * and pages do both.
   */
  @Test
  void pagesThatGoAreGoneAndPagesThatComeBackArriveInEveryPass() throws Exception {
    int passes = 4;
    KvmVirtualMachine a = machines.source("a", "auto=off");
    KvmVirtualMachine b = machines.destination("b");
    BareGuestConsole guest = machines.boot(a);
    guest.send("fill 16M 32M 7", TIMEOUT);
    guest.send("fill 64M 32M 8", TIMEOUT);
    guest.send("inflate-pfn 0x8000 %d".formatted(passes * 256), TIMEOUT);
    guest.send("dirty 200M 8M 0 5", TIMEOUT);
    hold(a, 40 * MIB);
    machines.startMigration(a, b, true);
    for (int pass = 1; pass <= passes; pass++) {
      awaitPass(a, pass + 1);
      long gone = 16 * MIB + pass * MIB;
      long both = 64 * MIB + pass * MIB;
      long back = 128 * MIB + (pass - 1) * MIB;
      guest.send("inflate-pfn %d 256".formatted(gone / PAGE), TIMEOUT);
      guest.send("inflate-pfn %d 256".formatted(both / PAGE), TIMEOUT);
      guest.send("deflate-pfn %d 256".formatted(both / PAGE), TIMEOUT);
      guest.send("fill %d 1M %d".formatted(both, 100 + pass), TIMEOUT);
      guest.send("deflate-pfn %d 256".formatted(back / PAGE), TIMEOUT);
      guest.send("fill %d 1M %d".formatted(back, 200 + pass), TIMEOUT);
    }
    assertThat(a.migration().progress().status()).isEqualTo(MigrationStatus.ACTIVE);
    letGo(a);

    MigrationProgress info = machines.awaitArrival(a, b);

    assertThat(info.ram().dirtySyncs()).isGreaterThan(passes);
    assertThat(info.balloon().pagesSkipped()).isEqualTo(passes * 256L);
    PageBitmap populated = BareGuests.populated(b);
    b.balloon()
        .orElseThrow()
        .bitmap()
        .forEachRun(
            (first, count) -> {
              for (long page = first; page < first + count; page++) {
                assertThat(populated.get(page)).as("page %d", page).isFalse();
              }
            });
    BareGuestConsole there = machines.console(b);
    there.send("stop", TIMEOUT);
    there.send("check-dirty", TIMEOUT);
    assertThat(there.send("check 16M 32M 7", TIMEOUT).number("skipped")).isEqualTo(passes * 256L);
    for (int pass = 1; pass <= passes; pass++) {
      long both = 64 * MIB + pass * MIB;
      long back = 128 * MIB + (pass - 1) * MIB;
      assertThat(there.send("check %d 1M %d".formatted(both, 100 + pass), TIMEOUT).number("pages"))
          .isEqualTo(256);
      assertThat(there.send("check %d 1M %d".formatted(back, 200 + pass), TIMEOUT).number("pages"))
          .isEqualTo(256);
    }
    there.send("check 64M 1M 8", TIMEOUT);
    there.send("check 80M 16M 8", TIMEOUT);
    BareGuests.assertBitmapIsExact(b);
  }

  /** Moves the balloon of whichever machine has the guest, all the time. */
  private static final class Mover implements AutoCloseable {
    private static final Duration PAUSE = Duration.ofMillis(3);
    private final AtomicReference<KvmVirtualMachine> where;
    private final Random random;
    private final Thread thread = Thread.ofPlatform().name("mover").unstarted(this::run);
    private volatile boolean closed;

    Mover(KvmVirtualMachine first, long seed) {
      where = new AtomicReference<>(first);
      random = new Random(seed);
      thread.start();
    }

    private void run() {
      while (!closed) {
        long given = random.nextLong(96 * MIB / PAGE) * PAGE;
        try {
          where.get().balloon().orElseThrow().setTarget(MEMORY - given);
        } catch (VmException e) {
          assertThat(e).as("the guest is on its way").hasMessageContaining("migrate: the guest");
        }
        LockSupport.parkNanos(PAUSE.toNanos());
      }
    }

    void follow(KvmVirtualMachine next) {
      where.set(next);
    }

    @Override
    public void close() {
      closed = true;
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Test
  void aBalloonThatNeverStandsStillMovesFromMachineToMachine() throws Exception {
    long seed = System.nanoTime();
    System.out.println("BalloonDuringMigrationKvmTest seed " + seed);
    // Small steps of the balloon, with writing between them.
    KvmVirtualMachine here = machines.source("a", "depth=4");
    BareGuestConsole guest = machines.boot(here);
    guest.send("fill 16M 8M 7", TIMEOUT);
    guest.send("dirty 64M 8M 0 5", TIMEOUT);
    try (Mover mover = new Mover(here, seed)) {
      for (String name : new String[] {"b", "c", "d"}) {
        KvmVirtualMachine next = machines.destination(name);
        // So slow that more than a page is written in every pass, however busy the balloon is.
        hold(here, 10 * MIB);
        machines.startMigration(here, next, true);
        awaitPass(here, 5);
        long inflated = here.balloonDevice().orElseThrow().metrics().inflatedPages();
        long deflated = here.balloonDevice().orElseThrow().metrics().deflatedPages();
        assertThat(inflated).as("seed %d", seed).isPositive();
        assertThat(deflated).as("seed %d", seed).isPositive();
        letGo(here);
        MigrationProgress info = machines.awaitArrival(here, next);
        assertThat(info.balloon().active()).isTrue();
        System.out.printf(
            "BalloonDuringMigrationKvmTest: to %s, %d passes, %d pages in and %d out of the balloon,"
                + " %d skipped, %d bytes of bitmap, %d of them in the downtime%n",
            name,
            info.ram().dirtySyncs(),
            inflated,
            deflated,
            info.balloon().pagesSkipped(),
            info.balloon().bitmapBytes(),
            info.balloon().bitmapBytesDowntime());
        here = next;
        mover.follow(next);
        guest = machines.console(next);
        guest.send("check 16M 8M 7", TIMEOUT);
      }
    }
    KvmVirtualMachine last = here;
    last.balloon().orElseThrow().setTarget(MEMORY - 50 * MIB);
    await()
        .atMost(TIMEOUT)
        .until(() -> last.balloon().orElseThrow().actualBytes() == MEMORY - 50 * MIB);
    BareGuests.assertBitmapIsExact(last);
    guest.send("stop", TIMEOUT);
    guest.send("check-dirty", TIMEOUT);
    guest.send("check 16M 8M 7", TIMEOUT);
  }

  @Test
  void requestsThatReachAStoppedDeviceAreDoneAtTheDestination() throws Exception {
    KvmVirtualMachine a = machines.source("a", "auto=off");
    KvmVirtualMachine b = machines.destination("b");
    KvmVirtualMachine c = machines.destination("c");
    BareGuestConsole guest = machines.boot(a);
    guest.send("fill 16M 32M 7", TIMEOUT);
    guest.send("inflate-pfn 0x8000 200", TIMEOUT);
    // As in the moment between the stop of the device and that of the guest.
    BareGuests.transport(a).quiesce();
    guest.send("post-inflate 0x9000 256", TIMEOUT);
    assertThat(BareGuests.ballooned(a)).isEqualTo(200);

    MigrationProgress info = machines.migrate(a, b, true);

    assertThat(info.balloon().pagesSkipped()).isEqualTo(200);
    BareGuestConsole onB = machines.console(b);
    onB.send("reap", TIMEOUT);
    assertThat(BareGuests.ballooned(b)).isEqualTo(456);
    BareGuests.assertBitmapIsExact(b);

    BareGuests.transport(b).quiesce();
    onB.send("post-deflate 0x8000 200", TIMEOUT);
    assertThat(machines.migrate(b, c, true).balloon().pagesSkipped()).isEqualTo(456);
    BareGuestConsole onC = machines.console(c);
    onC.send("reap", TIMEOUT);
    onC.send("fill 128M 800K 3", TIMEOUT);
    assertThat(onC.send("check 128M 800K 3", TIMEOUT).number("pages")).isEqualTo(200);
    assertThat(BareGuests.ballooned(c)).isEqualTo(256);
    BareGuests.assertBitmapIsExact(c);
    onC.send("check 16M 32M 7", TIMEOUT);
  }

  @Test
  void aResetOfTheDeviceInTheMiddleOfAMigrationLosesNothing() throws Exception {
    KvmVirtualMachine a = machines.source("a", "auto=off");
    KvmVirtualMachine b = machines.destination("b");
    BareGuestConsole guest = machines.boot(a);
    guest.send("fill 16M 32M 7", TIMEOUT);
    guest.send("inflate-pfn 0x8000 1024", TIMEOUT);
    guest.send("dirty 200M 8M 0 5", TIMEOUT);
    hold(a, 40 * MIB);
    machines.startMigration(a, b, true);
    awaitPass(a, 2);
    guest.send("reset-balloon", TIMEOUT);
    guest.send("fill 128M 4M 9", TIMEOUT);
    guest.send("inflate-pfn 0xa000 100", TIMEOUT);
    awaitPass(a, a.migration().progress().ram().dirtySyncs() + 2);
    letGo(a);

    machines.awaitArrival(a, b);

    BareGuestConsole there = machines.console(b);
    assertThat(there.send("check 128M 4M 9", TIMEOUT).number("pages")).isEqualTo(1024);
    there.send("check 16M 32M 7", TIMEOUT);
    there.send("stop", TIMEOUT);
    there.send("check-dirty", TIMEOUT);
  }
}
