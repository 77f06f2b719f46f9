package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.machine.RunState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The bare guest on the real KVM moves compressed, and finds its memory as it left it. */
@Tag("kvm")
@Timeout(120)
class CompressionKvmTest {
  private static final long MIB = 1 << 20;
  private static final long MEMORY = 256 * MIB;

  /** Noise as far as compression goes; what else the guest has is mostly zero. */
  private static final String FILLED = "16M 32M 7";

  /** Written again and again while it moves. */
  private static final String DIRTIED = "64M 8M 20M 9";

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  @ParameterizedTest
  @CsvSource({"LZ4,false", "LZ4,true", "ZSTD,false", "ZSTD,true"})
  void aGuestArrivesWithItsMemory(PageCompression compression, boolean multifd) throws Exception {
    BareMachines machines = new BareMachines(directory, MEMORY);
    try (KvmVirtualMachine a = machines.make("a", false);
        KvmVirtualMachine b = machines.make("b", true);
        BareGuestConsole onA = machines.console("a")) {
      a.cont();
      onA.awaitReady(BareMachines.TIMEOUT);
      onA.send("fill " + FILLED, BareMachines.TIMEOUT);
      onA.send("dirty " + DIRTIED, BareMachines.TIMEOUT);
      a.migration()
          .setCapabilities(
              Map.of(MigrationCapability.MULTIFD, multifd, MigrationCapability.VERIFY, true));
      a.migration()
          .setParameters(MigrationParameters.DEFAULT.withCompression(compression).withZstdLevel(2));

      MigrationProgress info = machines.migrate(a, b);

      assertThat(info.error()).isEmpty();
      assertThat(info.status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(info.times().verify()).as("both sides hashed all memory").isPresent();
      assertThat(a.runState()).isEqualTo(RunState.POSTMIGRATE);
      assertThat(b.runState()).isEqualTo(RunState.RUNNING);
      assertThat(info.traffic().streams() > 32 * MIB).isEqualTo(multifd);
      // Uncompressed, headers make it more than the pages.
      assertThat(info.traffic().transferred()).isLessThan(info.ram().normal() * 4096);
      try (BareGuestConsole onB = machines.console("b")) {
        onB.send("check " + FILLED, BareMachines.TIMEOUT);
        onB.send("check-dirty", BareMachines.TIMEOUT);
      }
    }
  }
}
