package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The bare guest on the real KVM: it inflates, moves twice, and finds its memory as it left it. */
@Tag("kvm")
class BareGuestMigrationKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final long MIB = 1 << 20;
  private static final long MEMORY = 256 * MIB;
  private static final long BALLOON = 128 * MIB;
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  private KvmVirtualMachine machine(String name, boolean incoming) throws IOException {
    return new BareMachines(directory, MEMORY).make(name, incoming);
  }

  private BareGuestConsole console(String name) throws IOException {
    return new BareMachines(directory, MEMORY).console(name);
  }

  private MigrationProgress migrate(KvmVirtualMachine from, KvmVirtualMachine to, boolean skip)
      throws VmException {
    String uri = "unix:" + directory.resolve(to.name() + ".migration");
    to.migration().startIncoming(uri);
    from.migration()
        .setCapabilities(
            Map.of(MigrationCapability.SKIP_BALLOON, skip, MigrationCapability.VERIFY, true));
    from.migration().start(uri);
    await().atMost(TIMEOUT).until(() -> !from.migration().progress().status().underWay());
    MigrationProgress info = from.migration().progress();
    assertThat(info.error()).isEmpty();
    assertThat(info.status()).isEqualTo(MigrationStatus.COMPLETED);
    assertThat(from.runState()).isEqualTo(RunState.POSTMIGRATE);
    assertThat(to.runState()).isEqualTo(RunState.RUNNING);
    return info;
  }

  @Test
  void aDestinationThatIsNotThereLeavesTheGuestRunning() throws Exception {
    try (KvmVirtualMachine a = machine("a", false);
        KvmVirtualMachine b = machine("b", true);
        BareGuestConsole onA = console("a")) {
      a.cont();
      onA.awaitReady(TIMEOUT);
      onA.send("fill 16M 32M 7", TIMEOUT);
      a.migration().start("unix:" + directory.resolve("nobody"));
      await().atMost(TIMEOUT).until(() -> !a.migration().progress().status().underWay());
      assertThat(a.migration().progress().status()).isEqualTo(MigrationStatus.FAILED);
      assertThat(a.migration().progress().error().orElseThrow()).contains("nobody").hasLineCount(1);
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      onA.send("check 16M 32M 7", TIMEOUT);

      migrate(a, b, true);
      try (BareGuestConsole onB = console("b")) {
        onB.send("check 16M 32M 7", TIMEOUT);
      }
    }
  }

  @Test
  void balloonedPagesStayBehindOnTheFirstHopAndOnTheSecond() throws Exception {
    try (KvmVirtualMachine a = machine("a", false);
        KvmVirtualMachine b = machine("b", true);
        KvmVirtualMachine c = machine("c", true);
        BareGuestConsole onA = console("a")) {
      a.cont();
      onA.awaitReady(TIMEOUT);
      onA.send("fill 16M 32M 7", TIMEOUT);
      BalloonControl balloon = a.balloon().orElseThrow();
      balloon.setTarget(MEMORY - BALLOON);
      await().atMost(TIMEOUT).until(() -> balloon.actualBytes() == MEMORY - BALLOON);
      long ballooned = balloon.bitmap().cardinality();
      assertThat(ballooned).isEqualTo(BALLOON / 4096);

      MigrationProgress first = migrate(a, b, true);
      assertThat(first.balloon().active()).isTrue();
      assertThat(first.balloon().pagesSkipped()).isEqualTo(ballooned);
      assertThat(first.times().verify()).isPresent();

      MigrationProgress second = migrate(b, c, true);
      assertThat(second.balloon().pagesSkipped()).isEqualTo(ballooned);
      assertThat(second.traffic().transferred()).isLessThan(BALLOON);
      try (BareGuestConsole onC = console("c")) {
        onC.send("check 16M 32M 7", TIMEOUT);
        BalloonControl there = c.balloon().orElseThrow();
        there.setTarget(MEMORY);
        await().atMost(TIMEOUT).until(() -> there.actualBytes() == MEMORY);
        assertThat(there.bitmap().cardinality()).isZero();
        onC.send("check 16M 32M 7", TIMEOUT);
      }
    }
  }
}
