package dev.ballast.tools.vm;

import static dev.ballast.tools.vm.BareGuests.TIMEOUT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.guest.bare.BareReply;
import dev.ballast.tools.qmp.QmpServer;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest that breaks the rules of virtio on the real KVM: its device needs a reset or goes on, and
 * the machine, its sockets and its other threads go on whatever the guest does.
 */
@Tag("kvm")
class HostileGuestKvmTest {
  private static final int NEEDS_RESET = 64;
  private static final int SECONDS = 2;
  private static final Duration BETWEEN_STOPS = Duration.ofMillis(20);

  @TempDir Path directory;
  private BareGuests machines;
  private KvmVirtualMachine vm;
  private BareGuestConsole guest;
  private QmpServer server;

  private void boot(String words) throws Exception {
    machines = new BareGuests(directory);
    vm = machines.source("a", words);
    server = QmpServer.start(vm, machines.socket("qmp"));
    guest = machines.boot(vm);
  }

  @BeforeEach
  void boot() throws Exception {
    boot("indirect_desc=on");
  }

  @AfterEach
  void close() throws Exception {
    if (server != null) {
      server.close();
    }
    machines.close();
  }

  private boolean needsReset() throws Exception {
    return (guest.send("peek 0xd0000070", TIMEOUT).number("value") & NEEDS_RESET) != 0;
  }

  /** The device works: what goes in now is in the bitmap, exactly. */
  private void assertDeviceWorks() throws Exception {
    guest.send("reset-balloon", TIMEOUT);
    assertThat(BareGuests.ballooned(vm)).isZero();
    guest.send("inflate 3000", TIMEOUT);
    assertThat(BareGuests.ballooned(vm)).isEqualTo(3000);
    BareGuests.assertBitmapIsExact(vm);
    guest.send("deflate 3000", TIMEOUT);
    assertThat(BareGuests.ballooned(vm)).isZero();
    assertThat(vm.runState()).isEqualTo(RunState.RUNNING);
    assertThat(BareGuests.transport(vm).failures()).isZero();
  }

  private static long openFiles() throws IOException {
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.count();
    }
  }

  /**
   * The Java threads by name, without those that tests themselves start and end. What is left of
   * earlier tests may go meanwhile: nothing may come.
   */
  private static List<String> threads() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> !name.startsWith("awaitility"))
        .sorted()
        .toList();
  }

  private void assertOutcome(String kind, String outcome) throws Exception {
    BareReply reply = guest.send("hostile " + kind, TIMEOUT);
    assertThat(reply.string("outcome")).as(kind).isEqualTo(outcome);
    assertThat(needsReset()).as(kind).isEqualTo(outcome.equals("needs-reset"));
  }

  @Test
  void malformedRequestsNeedAResetAndNothingLeaks() throws Exception {
    assertOutcome("loop", "needs-reset");
    assertDeviceWorks();
    long files = openFiles();
    List<String> threads = threads();
    for (String kind :
        List.of(
            "loop",
            "indirect-loop",
            "indirect-in-indirect",
            "indirect-next",
            "straddle",
            "outside",
            "wrap",
            "odd-length",
            "too-long",
            "writable",
            "readable-last",
            "bad-head",
            "bad-next",
            "index-jump",
            "index-back")) {
      long faults = BareGuests.transport(vm).faults();
      assertOutcome(kind, "needs-reset");
      assertThat(BareGuests.transport(vm).faults()).as(kind).isGreaterThan(faults);
      assertDeviceWorks();
    }
    await().atMost(TIMEOUT).until(() -> openFiles() <= files && threads.containsAll(threads()));
  }

  @Test
  void whatIsOddButAllowedGoesOn() throws Exception {
    assertOutcome("indirect", "used");
    assertDeviceWorks();
    assertOutcome("rings-in-balloon", "used");
    assertDeviceWorks();
    for (String kind : List.of("queue-registers", "features", "status")) {
      assertOutcome(kind, "used");
      guest.send("inflate 100", TIMEOUT);
      assertThat(BareGuests.ballooned(vm)).as(kind).isEqualTo(100);
      assertDeviceWorks();
    }
  }

  @Test
  void indirectDescriptorsThatWereNotNegotiatedNeedAReset() throws Exception {
    close();
    boot("");
    assertOutcome("indirect", "needs-reset");
    assertDeviceWorks();
  }

  @Test
  void attacksAtFullRateStallNobody() throws Exception {
    guest.send("hostile kick 1", TIMEOUT);
    assertDeviceWorks();
    long files;
    List<String> threads;
    try (ControlWatch watch = ControlWatch.start(machines.socket("qmp"))) {
      guest.send("bench pio 50000", TIMEOUT);
      System.out.println("HostileGuestKvmTest: no attack: " + watch.worstSince());
      files = openFiles();
      threads = threads();
      for (String kind : List.of("kick", "kick-any", "registers", "rings", "flood")) {
        BareReply reply = guest.send("hostile " + kind + " " + SECONDS, TIMEOUT);
        assertThat(reply.number("times")).as(kind).isPositive();
        System.out.printf(
            "HostileGuestKvmTest: %s, %s times, %s resets: %s%n",
            kind, reply.string("times"), reply.string("resets"), watch.worstSince());
        assertDeviceWorks();
      }
      await().atMost(TIMEOUT).until(() -> openFiles() <= files && threads.containsAll(threads()));
    }
  }

  @Test
  void aGuestThatIsStoppedInTheMiddleOfAnAttackStops() throws Exception {
    for (String kind : List.of("kick", "rings", "registers", "flood")) {
      try (ControlWatch watch = ControlWatch.start(machines.socket("qmp"))) {
        Thread attack =
            Thread.ofPlatform()
                .start(
                    () -> {
                      try {
                        guest.send("hostile " + kind + " " + SECONDS, TIMEOUT);
                      } catch (IOException | InterruptedException e) {
                        throw new AssertionError(e);
                      }
                    });
        int stops = 0;
        long slowest = 0;
        while (attack.isAlive()) {
          long start = System.nanoTime();
          vm.stop();
          slowest = Math.max(slowest, System.nanoTime() - start);
          assertThat(vm.runState()).isEqualTo(RunState.PAUSED);
          vm.cont();
          stops++;
          LockSupport.parkNanos(BETWEEN_STOPS.toNanos());
        }
        attack.join();
        System.out.printf(
            "HostileGuestKvmTest: %s, stopped %d times, the slowest took %.1f ms: %s%n",
            kind, stops, slowest / 1e6, watch.worstSince());
      }
      assertDeviceWorks();
    }
  }

  @Test
  void aDeviceThatNeedsAResetMovesAndIsResetThere() throws Exception {
    guest.send("fill 16M 32M 7", TIMEOUT);
    guest.send("inflate 3000", TIMEOUT);
    assertOutcome("loop", "needs-reset");
    KvmVirtualMachine there = machines.destination("b");
    machines.migrate(vm, there, true);
    BareGuestConsole onB = machines.console(there);
    assertThat(onB.send("peek 0xd0000070", TIMEOUT).number("value") & NEEDS_RESET).isNotZero();
    onB.send("check 16M 32M 7", TIMEOUT);
    onB.send("reset-balloon", TIMEOUT);
    onB.send("inflate 1000", TIMEOUT);
    assertThat(BareGuests.ballooned(there)).isEqualTo(1000);
    BareGuests.assertBitmapIsExact(there);
  }
}
