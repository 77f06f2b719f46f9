package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.machine.RunState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Guests that use many vCPUs start them, move, and find every one of them as it was. */
@Tag("kvm")
@Timeout(300)
class ManyVcpusKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final long MEMORY = 256 << 20;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  @ParameterizedTest
  @ValueSource(ints = {2, 16, 240, 255, 512})
  void everyVcpuRunsOnWhereItArrives(int vcpus) throws Exception {
    try (Kvm kvm = Kvm.open()) {
      int most = kvm.checkExtension(Capability.MAX_VCPUS);
      assumeTrue(vcpus <= most, "this host's KVM takes " + most + " vCPUs");
    }
    BareMachines machines = new BareMachines(directory, MEMORY, vcpus);
    try (KvmVirtualMachine source = machines.make("source", false);
        KvmVirtualMachine destination = machines.make("destination", true);
        BareGuestConsole there = machines.console("source")) {
      source.cont();
      there.awaitReady(PATIENCE);
      assertThat(there.send("start-cpus " + vcpus, PATIENCE).number("cpus")).isEqualTo(vcpus);
      assertThat(there.send("wake-cpus", PATIENCE).number("cpus")).isEqualTo(vcpus);

      MigrationProgress progress = machines.migrate(source, destination);
      assertThat(progress.error()).isEmpty();
      assertThat(progress.status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(destination.runState()).isEqualTo(RunState.RUNNING);
      try (BareGuestConsole here = machines.console("destination")) {
        assertThat(here.send("wake-cpus", PATIENCE).number("cpus")).isEqualTo(vcpus);
        assertThat(here.send("wake-cpus", PATIENCE).number("cpus")).isEqualTo(vcpus);
      }
    }
  }
}
