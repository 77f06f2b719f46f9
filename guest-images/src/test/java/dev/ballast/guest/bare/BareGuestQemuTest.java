package dev.ballast.guest.bare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The bare guest under QEMU, with its software CPU and with KVM: another VMM than ours as the
 * judge.
 */
final class BareGuestQemuTest {
  private static final Duration SOON = Duration.ofSeconds(30);
  private static final long MIB = 1 << 20;
  private static final long MEMORY = 128 * MIB;

  @TempDir Path directory;

  @Test
  void givesMemoryBackUnderTcg() throws IOException, InterruptedException {
    givesMemoryBack("tcg");
  }

  @Test
  @Tag("kvm")
  void givesMemoryBackUnderKvm() throws IOException, InterruptedException {
    givesMemoryBack("kvm");
  }

  private void givesMemoryBack(String accelerator) throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, accelerator, "128M", "")) {
      BareGuestConsole guest = qemu.console();
      assertThat(guest.awaitReady(SOON).memoryBytes()).isBetween(MEMORY - MIB, MEMORY);
      assertThat(guest.send("fill 16M 32M 42", SOON).number("pages")).isEqualTo(8192);

      qemu.balloon(80 * MIB);
      await().atMost(SOON).until(() -> qemu.queryBalloon() == 80 * MIB);
      BareReply inflated = guest.send("balloon", SOON);
      assertThat(inflated.number("actual")).isEqualTo(48 * MIB / 4096);
      assertThat(inflated.number("num_pages")).isEqualTo(48 * MIB / 4096);
      assertThat(guest.send("mem", SOON).number("ballooned")).isEqualTo(48 * MIB / 4096);
      assertThat(guest.send("check 16M 32M 42", SOON).number("pages")).isEqualTo(8192);

      qemu.balloon(MEMORY);
      await().atMost(SOON).until(() -> qemu.queryBalloon() == MEMORY);
      assertThat(guest.send("mem", SOON).number("ballooned")).isZero();
      assertThat(guest.send("check 16M 32M 42", SOON).number("skipped")).isZero();
      assertThat(guest.ask("check 16M 32M 43", SOON).number("bad")).isEqualTo(8192);
    }
  }

  @Test
  void keepsTheUsedPagesAndStopsWhenNothingIsFree() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "auto=off")) {
      BareGuestConsole guest = qemu.console();
      guest.awaitReady(SOON);
      guest.send("fill 0 128M 1", SOON);
      assertThat(guest.send("mem", SOON).number("free")).isZero();
      assertThat(guest.ask("inflate 1", SOON).text()).isEqualTo("no free page pages=0");
      assertThat(guest.send("free 64M 64K", SOON).number("pages")).isEqualTo(16);
      assertThat(guest.send("inflate 16", SOON).number("pages")).isEqualTo(16);
      assertThat(guest.send("check 0 128M 1", SOON).number("pages")).isGreaterThan(30_000);
    }
  }

  @Test
  void repeatsTheFirstWordsOfAPageWhenAsked() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "")) {
      BareGuestConsole guest = qemu.console();
      guest.awaitReady(SOON);
      guest.send("fill 16M 1M 42 64", SOON);
      long first = guest.send("peek 0x1000000", SOON).number("value");
      assertThat(guest.send("peek 0x1000200", SOON).number("value")).isEqualTo(first);
      assertThat(guest.send("peek 0x1000100", SOON).number("value")).isNotEqualTo(first);
      assertThat(guest.send("peek 0x1001000", SOON).number("value")).isNotEqualTo(first);
      assertThat(guest.send("check 16M 1M 42 64", SOON).number("pages")).isEqualTo(256);
      assertThat(guest.ask("check 16M 1M 42", SOON).number("bad")).isEqualTo(256);
      assertThat(guest.ask("fill 16M 1M 42 63", SOON).ok()).isFalse();
    }
  }

  @Test
  void tellsExactlyThePfnsThatItIsAskedTo() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "batch=16 depth=4")) {
      BareGuestConsole guest = qemu.console();
      guest.awaitReady(SOON);
      guest.send("fill 32M 4M 5", SOON);
      guest.send("inflate-pfn 8192 100 2", SOON);
      assertThat(guest.send("balloon", SOON).number("actual")).isEqualTo(100);
      assertThat(guest.send("check 32M 4M 5", SOON).number("skipped")).isEqualTo(100);
      guest.send("deflate-pfn 8192 100 2", SOON);
      assertThat(guest.send("balloon", SOON).number("actual")).isZero();
      // QEMU has discarded what was inflated, and nothing beside it.
      assertThat(guest.send("peek 0x2000000", SOON).number("value")).isZero();
      assertThat(guest.send("peek 0x2001000", SOON).number("value")).isNotZero();
      assertThat(guest.send("check 32M 4M 5", SOON).number("pages")).isEqualTo(1024 - 100);

      guest.send("inflate-pfn 0xffff0000 300", SOON);
      guest.send("inflate-pfn 9000 5 0", SOON);
      assertThat(guest.send("balloon", SOON).number("actual")).isEqualTo(1);
      assertThat(guest.ask("inflate-pfn 0x100 1", SOON).ok()).isFalse();
      guest.send("reset-balloon", SOON);
      assertThat(guest.send("mem", SOON).number("ballooned")).isZero();
    }
  }

  @Test
  void keepsItsMemoryAcrossAMigrationUnderTcg() throws IOException, InterruptedException {
    keepsItsMemoryAcrossAMigration("tcg");
  }

  @Test
  @Tag("kvm")
  void keepsItsMemoryAcrossAMigrationUnderKvm() throws IOException, InterruptedException {
    keepsItsMemoryAcrossAMigration("kvm");
  }

  private void keepsItsMemoryAcrossAMigration(String accelerator)
      throws IOException, InterruptedException {
    String uri = "unix:" + directory.resolve("migration");
    try (QemuBareGuest source =
            QemuBareGuest.start(directory, accelerator, "128M", "run=\"fill 16M 8M 9\"");
        QemuBareGuest destination =
            QemuBareGuest.start(directory, accelerator, "128M", "", "-incoming", uri)) {
      source.console().awaitReady(SOON);
      source.console().send("dirty 32M 16M 20M 77", SOON);
      source.balloon(96 * MIB);
      await().atMost(SOON).until(() -> source.queryBalloon() == 96 * MIB);
      long before = source.console().send("count", SOON).number("count");
      source.migrate(uri);
      await()
          .atMost(SOON)
          .until(() -> !source.migrationStatus().matches("none|setup|active|device"));
      assertThat(source.migrationStatus()).isEqualTo("completed");

      BareGuestConsole guest = destination.console();
      long after = guest.send("count", SOON).number("count");
      assertThat(after).isGreaterThan(before);
      await().atMost(SOON).until(() -> guest.send("count", SOON).number("count") > after);
      assertThat(guest.send("stop", SOON).number("pages")).isPositive();
      assertThat(guest.send("check-dirty", SOON).number("pages")).isPositive();
      assertThat(guest.send("check 16M 8M 9", SOON).number("pages")).isEqualTo(2048);
      destination.balloon(MEMORY);
      await().atMost(SOON).until(() -> destination.queryBalloon() == MEMORY);
    }
  }

  @Test
  void startsAndWakesItsOtherProcessors() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "", "-smp", "4")) {
      BareGuestConsole guest = qemu.console();
      guest.awaitReady(SOON);
      assertThat(guest.send("wake-cpus", SOON).number("cpus")).isEqualTo(1);
      assertThat(guest.send("start-cpus 4", SOON).number("cpus")).isEqualTo(4);
      assertThat(guest.send("wake-cpus", SOON).number("cpus")).isEqualTo(4);
      assertThat(guest.send("wake-cpus", SOON).number("cpus")).isEqualTo(4);
      assertThat(guest.send("fill 16M 32M 42", SOON).number("pages")).isEqualTo(8192);
    }
  }

  @Test
  void startsAtOnceInATebibyte() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "1T", "")) {
      BareGuestConsole guest = qemu.console();
      assertThat(guest.awaitReady(SOON).memoryBytes()).isGreaterThan((1L << 40) - MIB);
      assertThat(guest.send("ram", SOON).text()).endsWith("0x100000000-0x10040000000");
      assertThat(guest.send("fill 1T 8M 3", SOON).number("pages")).isEqualTo(2048);
      assertThat(guest.send("check 1T 8M 3", SOON).number("pages")).isEqualTo(2048);
    }
  }

  @Test
  void noticesASinglePageThatIsWrong() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "beat=20")) {
      BareGuestConsole guest = qemu.console();
      guest.awaitReady(SOON);
      guest.send("dirty 32M 1M 0 4", SOON);
      await().atMost(SOON).until(() -> guest.lastBeat() > 0);
      await().atMost(SOON).until(() -> guest.send("stop", SOON).number("generation") > 1);
      assertThat(guest.send("check-dirty", SOON).number("pages")).isEqualTo(256);
      guest.send("poke 0x2005ff8 1", SOON);
      BareReply reply = guest.ask("check-dirty", SOON);
      assertThat(reply.ok()).isFalse();
      assertThat(reply.number("bad")).isEqualTo(1);
      assertThat(reply.number("first")).isEqualTo(0x2005000);
    }
  }

  @Test
  @Tag("kvm")
  void showsItsRegistersWhenItCrashes() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "kvm", "128M", "")) {
      qemu.console().awaitReady(SOON);
      assertThatThrownBy(() -> qemu.console().send("crash", SOON))
          .isInstanceOf(BareGuestException.class)
          .hasMessageContaining("exception vector=6 ")
          .hasMessageContaining(" cs=0x23 ");
    }
  }

  @Test
  void exitsWithTheCodeItIsGiven() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "")) {
      qemu.console().awaitReady(SOON);
      qemu.console().send("exit 20", SOON);
      assertThat(qemu.awaitExit()).isEqualTo(41);
    }
  }

  @Test
  void reachesDeviceRegistersAndSaysWhatItCannot() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "")) {
      BareGuestConsole guest = qemu.console();
      guest.awaitReady(SOON);
      assertThat(guest.send("devices", SOON).text()).endsWith(":5");
      String device = guest.send("devices", SOON).text().replace(":5", "");
      assertThat(guest.send("peek " + device, SOON).number("value")).isEqualTo(0x74726976);
      assertThat(guest.send("bench mmio 10", SOON).number("n")).isEqualTo(10);
      assertThat(guest.ask("peek 2", SOON).text()).isEqualTo("address");
      assertThat(guest.ask("fill 1 4K 0", SOON).text()).isEqualTo("range not of whole pages");
      assertThat(guest.ask("fill 16M 99999999999T 0", SOON).text()).isEqualTo("arguments");
      assertThat(guest.ask("poweroff", SOON).text()).isEqualTo("no poweroff_port");
      assertThat(guest.ask("dance", SOON).text()).isEqualTo("unknown command");
    }
  }

  @Test
  void measuresItsClock() throws IOException, InterruptedException {
    try (QemuBareGuest qemu = QemuBareGuest.start(directory, "tcg", "128M", "")) {
      qemu.console().awaitReady(SOON);
      BareReply tsc = qemu.console().send("tsc", SOON);
      assertThat(tsc.string("source")).isEqualTo("pit");
      assertThat(tsc.number("khz")).isBetween(500_000L, 10_000_000L);
    }
  }
}
