package dev.ballast.guest.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * Boots the Linux guest under QEMU's software CPU and talks to it. The methods share one guest,
 * because a boot takes some ten seconds there.
 */
@Tag("lab")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class LinuxGuestBootTest {
  private static final String QEMU = "/usr/bin/qemu-system-x86_64";
  private static final Duration SOON = Duration.ofMinutes(1);
  private static final Duration BOOT = Duration.ofMinutes(3);
  private static final int GUEST_MIB = 256;

  private static LinuxGuest guest;
  private static Process qemu;
  private static LinuxGuestConsole console;

  @BeforeAll
  static void boot() throws IOException, InterruptedException {
    assumeTrue(
        Files.isExecutable(Path.of(QEMU)),
        "skipped: there is no " + QEMU + " to boot the guest in");
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/apt-get")),
        "skipped: there is no apt-get to get the guest's packages with");
    guest =
        LinuxGuest.prepare(
            TestCache.DIRECTORY, LinuxGuestOptions.defaults().withKexec(true), System.out::println);
    qemu =
        new ProcessBuilder(
                List.of(
                    QEMU,
                    "-accel",
                    "tcg",
                    "-M",
                    "q35",
                    "-m",
                    GUEST_MIB + "M",
                    "-smp",
                    "2",
                    "-nodefaults",
                    "-display",
                    "none",
                    "-serial",
                    "stdio",
                    "-device",
                    "virtio-balloon-pci",
                    "-kernel",
                    guest.kernel().toString(),
                    "-initrd",
                    guest.initramfs().toString(),
                    "-append",
                    LinuxGuest.COMMAND_LINE))
            .redirectErrorStream(true)
            .start();
    console = new LinuxGuestConsole(qemu.getInputStream(), qemu.getOutputStream());
    LinuxGuestConsole.Ready ready = console.awaitReady(BOOT);
    assertThat(ready.release()).isEqualTo(guest.release());
    assertThat(ready.cpus()).isEqualTo(2);
    assertThat(ready.memTotalKib()).isBetween(GUEST_MIB * 700L, GUEST_MIB * 1024L);
  }

  @AfterAll
  static void stop() throws IOException, InterruptedException {
    if (qemu != null) {
      qemu.destroy();
      qemu.waitFor();
      console.close();
    }
  }

  @Test
  @Order(1)
  void loadsTheBalloonDriverWithoutAWarning() throws Exception {
    assertThat(console.recentLines()).noneMatch(line -> line.startsWith("GUEST warning"));
    console.send("dmesg", SOON);
    assertThat(console.recentLines()).filteredOn(line -> line.startsWith("GUEST log ")).hasSize(20);
  }

  @Test
  @Order(2)
  void countsForwardsAndAnswersWhatItCountedLast() throws Exception {
    long first = console.awaitCount(1, SOON);
    console.awaitCount(first + 10, SOON);
    LinuxGuestConsole.Count asked = console.count(SOON);
    assertThat(asked.value()).isGreaterThanOrEqualTo(first + 10);
    assertThat(console.awaitCount(asked.value() + 1, SOON)).isGreaterThan(asked.value());
    assertThat(console.count(SOON).uptimeMillis()).isGreaterThan(asked.uptimeMillis());
    assertThat(console.countWentBackwards()).isFalse();
  }

  @Test
  @Order(3)
  void fillsMemoryHashesItAndGivesItBack() throws Exception {
    int mebibytes = 100;
    long before = console.memory(SOON).freeKib();
    console.touch(mebibytes, SOON);
    long filled = console.memory(SOON).freeKib();
    assertThat(before - filled).isBetween(mebibytes * 1024L, (mebibytes + 20) * 1024L);

    LinuxGuestConsole.Hash hash = console.hash(SOON);
    assertThat(hash.bytes()).isEqualTo((long) mebibytes << 20);
    assertThat(hash.md5()).matches("[0-9a-f]{32}");
    assertThat(console.hash(SOON).md5()).isEqualTo(hash.md5());

    console.free(SOON);
    assertThat(console.memory(SOON).freeKib() - filled).isGreaterThan((mebibytes - 5) * 1024L);
    assertThatThrownBy(() -> console.hash(SOON)).hasMessageContaining("touch first");
  }

  @Test
  @Order(4)
  void saysWhatIsWrongWithACommand() {
    for (String bad : List.of("touch", "touch -1", "touch 0", "touch 1x", "nonsense", "touch *")) {
      assertThatThrownBy(() -> console.send(bad, SOON))
          .isInstanceOf(GuestConsoleException.class)
          .hasMessageContaining("the guest cannot " + bad);
    }
    assertThatThrownBy(() -> console.touch(10 * GUEST_MIB, SOON))
        .hasMessageContaining("cannot write " + 10 * GUEST_MIB + " MiB");
  }

  @Test
  @Order(5)
  void comesBackAfterAReboot() throws Exception {
    assertThat(console.reboot(BOOT).release()).isEqualTo(guest.release());
    assertThat(console.awaitCount(1, SOON)).isPositive();
    assertThat(console.countWentBackwards()).isFalse();
  }

  @Test
  @Order(6)
  void jumpsToANewKernelThatLeavesTheBalloonAlone() throws Exception {
    assertThat(console.kexec(BOOT).release()).isEqualTo(guest.release());
    assertThat(console.awaitCount(1, SOON)).isPositive();
    assertThat(console.countWentBackwards()).isFalse();
    // A device that has a driver cannot be bound.
    console.send("bind", SOON);
    assertThatThrownBy(() -> console.send("bind", SOON)).hasMessageContaining("bind failed");
    assertThatThrownBy(() -> console.kexec(SOON)).hasMessageContaining("no kernel");
  }

  @Test
  @Order(7)
  void switchesItselfOff() throws Exception {
    console.powerOff(SOON);
    assertThat(qemu.waitFor(SOON.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThatThrownBy(() -> console.count(SOON)).isInstanceOf(IOException.class);
  }
}
