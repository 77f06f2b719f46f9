package dev.ballast.tools.vm;

import static dev.ballast.tools.vm.BareGuests.MEMORY;
import static dev.ballast.tools.vm.BareGuests.TIMEOUT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.virtio.balloon.MemoryReport;
import dev.ballast.virtio.balloon.MemoryStatistic;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A guest on the real KVM that tells of its memory, here and where it moves to. */
@Tag("kvm")
class GuestStatisticsKvmTest {
  private static final int PAGES = 5000;

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

  private static BalloonControl balloon(KvmVirtualMachine machine) {
    return machine.balloon().orElseThrow();
  }

  private static MemoryReport report(KvmVirtualMachine machine) {
    return balloon(machine).memoryReport().orElseThrow();
  }

  /** Waits until a machine has heard what the guest itself says now. */
  private static void awaitTruth(KvmVirtualMachine machine, BareGuestConsole guest)
      throws Exception {
    long free = guest.send("mem", TIMEOUT).number("free") * RamBlock.PAGE_SIZE;
    await()
        .atMost(TIMEOUT)
        .until(
            () -> report(machine).value(MemoryStatistic.FREE_MEMORY).equals(OptionalLong.of(free)));
    assertThat(report(machine).value(MemoryStatistic.TOTAL_MEMORY).orElseThrow())
        .isBetween(free, MEMORY);
  }

  @Test
  void reportsGoOnWhereTheGuestMovesTo() throws Exception {
    KvmVirtualMachine a = machines.source("a", "stats=on");
    KvmVirtualMachine b = machines.destination("b");
    BareGuestConsole guest = machines.boot(a);
    balloon(a).setReportInterval(1);
    awaitTruth(a, guest);
    guest.send("inflate " + PAGES, TIMEOUT);
    awaitTruth(a, guest);

    machines.migrate(a, b, true);

    assertThat(balloon(b).reportInterval()).isOne();
    BareGuestConsole there = machines.console(b);
    awaitTruth(b, there);
    there.send("deflate " + PAGES, TIMEOUT);
    awaitTruth(b, there);
    there.send("reset-balloon", TIMEOUT);
    there.send("inflate 100", TIMEOUT);
    awaitTruth(b, there);
  }

  @Test
  void aGuestWithoutStatisticsGoesOnAndIsNotHeardOf() throws Exception {
    KvmVirtualMachine a = machines.source("a", "");
    KvmVirtualMachine b = machines.destination("b");
    BareGuestConsole guest = machines.boot(a);
    balloon(a).setReportInterval(1);
    guest.send("inflate " + PAGES, TIMEOUT);
    machines.migrate(a, b, true);
    machines.console(b).send("inflate 1", TIMEOUT);
    BareGuests.assertBitmapIsExact(b);
    assertThat(report(b)).isEqualTo(MemoryReport.NONE);
  }
}
