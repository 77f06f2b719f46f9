package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scenarios in small, really run on /dev/kvm. */
@Tag("kvm")
class BenchMigrationTest {
  private static final long MIB = 1 << 20;

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "skipped: /dev/kvm cannot be opened");
  }

  /** Starts Ballast from the classes that are tested: there is no distribution of them yet. */
  private Contestant ballast() throws IOException {
    Path launcher = directory.resolve("ballast");
    Files.writeString(
        launcher,
        """
        #!/bin/sh
        exec '%s/bin/java' --enable-native-access=ALL-UNNAMED -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -cp '%s' dev.ballast.tools.cli.Ballast "$@"
        """
            .formatted(System.getProperty("java.home"), System.getProperty("java.class.path")));
    Files.setPosixFilePermissions(launcher, PosixFilePermissions.fromString("rwx------"));
    return new BallastContestant(launcher);
  }

  private Optional<Measurement> run(Contestant contestant, String scenario, Setting setting)
      throws IOException, InterruptedException {
    Path run = Files.createDirectory(directory.resolve(contestant.name()));
    Path kernel = BareGuest.writeTo(run.resolve("bare.elf"));
    return new MigrationRun(run, kernel, contestant)
        .run(BenchFixtures.scenario(scenario).small(), setting);
  }

  @Test
  void ballastMovesAGuestThatFilledAndBallooned() throws IOException, InterruptedException {
    Measurement measured = run(ballast(), "touched-then-ballooned", Setting.SINGLE).orElseThrow();
    assertThat(measured.failure()).isEmpty();
    // The guest filled 64 MiB and 512 MiB elsewhere are in the balloon.
    assertThat(measured.transferredBytes()).isBetween(60.0 * MIB, 80.0 * MIB);
    assertThat(measured.rssBytes()).isGreaterThan(64.0 * MIB);
    assertThat(measured.timeline()).isNotEmpty();
    assertThat(measured.timeline().getLast().transferredBytes())
        .isEqualTo(measured.transferredBytes());
  }

  @Test
  void thePeerMovesAGuestThatKeepsWriting() throws IOException, InterruptedException {
    Optional<QemuContestant> qemu = QemuContestant.find();
    assumeTrue(qemu.isPresent(), "skipped: there is no " + QemuContestant.PROGRAM);
    Measurement measured = run(qemu.orElseThrow(), "dirtying-100", Setting.MULTIFD).orElseThrow();
    assertThat(measured.failure()).isEmpty();
    assertThat(measured.transferredBytes()).isGreaterThan(64.0 * MIB);
    assertThat(measured.timeline().getLast().pass()).isGreaterThan(1);
  }
}
