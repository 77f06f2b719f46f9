package dev.ballast.tools.bench;

import static dev.ballast.tools.bench.GuestPlan.GIB;
import static dev.ballast.tools.bench.GuestPlan.MIB;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.tools.bench.GuestPlan.Fill;
import dev.ballast.tools.host.LabPackages;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Scenarios in small, really run on /dev/kvm. */
@Tag("kvm")
class BenchRunKvmTest {
  private static final GuestPlan FILLED =
      GuestPlan.untouched(GIB).filling(Fill.random(256 * MIB, 64 * MIB));
  private static final GuestPlan BALLOONED = FILLED.ballooning(512 * MIB);
  private static final Experiment EXITS = new ExitsExperiment(15_000, 4_000);
  private static final Experiment INFLATE = new InflateExperiment(128 * MIB, 96 * MIB);
  private static final Experiment OVERHEAD = new OverheadExperiment(4 * GIB);

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "skipped: /dev/kvm cannot be opened");
  }

  /** Starts Ballast from the classes that are tested: there is no distribution of them yet. */
  private Vmm ballast() throws IOException {
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
    return new BallastVmm(launcher);
  }

  private static Measurement first(Vmm vmm, Experiment experiment)
      throws IOException, InterruptedException {
    Variant variant = experiment.variants().getFirst();
    return measure(variant, (v, workspace) -> experiment.measure(vmm, v, workspace));
  }

  private static Measurement measure(Variant variant, Subject.Trial trial)
      throws IOException, InterruptedException {
    try (Workspace workspace = Workspace.create(new MemoryWarmer())) {
      return trial.run(variant, workspace).orElseThrow();
    }
  }

  @Test
  void ballastMovesAGuestThatFilledAndBallooned() throws IOException, InterruptedException {
    Measurement measured = first(ballast(), new MigrationExperiment(BALLOONED));
    assertThat(measured.failure()).isEmpty();
    // The guest filled 64 MiB and 512 MiB elsewhere are in the balloon.
    assertThat(measured.value(Metric.BYTES)).isBetween(60.0 * MIB, 80.0 * MIB);
    assertThat(measured.value(Metric.RSS)).isGreaterThan(64.0 * MIB);
    assertThat(measured.timeline()).isNotEmpty();
    assertThat(measured.timeline().getLast().transferredBytes())
        .isEqualTo(measured.value(Metric.BYTES));
  }

  @Test
  void ballastMovesAGuestTwice() throws IOException, InterruptedException {
    Measurement measured = first(ballast(), new SecondHopExperiment(BALLOONED));
    assertThat(measured.value(Metric.FIRST_TIME)).isPositive();
    assertThat(measured.value(Metric.TIME)).isPositive();
    // What the first hop left out the second one leaves out, too.
    assertThat(measured.value(Metric.BYTES)).isBetween(60.0 * MIB, 80.0 * MIB);
  }

  @Test
  void ballastMovesLessWhenItCompresses() throws IOException, InterruptedException {
    GuestPlan repeating = GuestPlan.untouched(GIB).filling(new Fill(256 * MIB, 64 * MIB, 128));
    Measurement measured = first(ballast(), new CompressionExperiment(repeating));
    // The guest filled 64 MiB with what repeats itself four times.
    assertThat(measured.value(Metric.BYTES)).isBetween(8.0 * MIB, 40.0 * MIB);
    assertThat(measured.value(Metric.PLAIN_TIME)).isPositive();
  }

  @Test
  void ballastStarts() throws IOException, InterruptedException {
    assertThat(first(ballast(), new StartExperiment()).value(Metric.START)).isPositive();
  }

  @Test
  void ballastAndTheLoopInCLeaveTheGuestAndComeBack() throws IOException, InterruptedException {
    Measurement ballast = first(ballast(), EXITS);
    SubjectResult result = new SubjectResult("Ballast", Variant.ONLY, List.of(ballast));
    Measurement loop = measure(Variant.ONLY, EXITS.baseline(result).trial());
    for (Metric metric : List.of(Metric.PIO, Metric.MMIO)) {
      // Faster than one in a millisecond, and slower than any processor leaves a guest.
      assertThat(ballast.value(metric)).as("%s", metric).isBetween(1e3, 1e7);
      assertThat(loop.value(metric)).as("%s", metric).isBetween(1e3, 1e7);
    }
  }

  @Test
  void ballastTakesPagesIn() throws IOException, InterruptedException {
    assertThat(first(ballast(), INFLATE).value(Metric.INFLATE)).isGreaterThan(MIB);
  }

  @Test
  void ballastNeedsMemoryOfItsOwn() throws IOException, InterruptedException {
    Measurement measured = first(ballast(), OVERHEAD);
    for (Metric metric : List.of(Metric.OVERHEAD, Metric.OVERHEAD_TIB)) {
      assertThat(measured.value(metric)).as("%s", metric).isBetween(10.0 * MIB, 1024.0 * MIB);
    }
  }

  private static Vmm peer() throws IOException, InterruptedException {
    Optional<QemuVmm> qemu = QemuVmm.find();
    assumeTrue(qemu.isPresent(), "skipped: there is no " + LabPackages.QEMU);
    return qemu.orElseThrow();
  }

  @Test
  void thePeerMovesAGuestThatKeepsWriting() throws IOException, InterruptedException {
    Vmm peer = peer();
    GuestPlan writing = FILLED.dirtying(20 * MIB);
    Experiment experiment = new MigrationExperiment(writing, writing, Duration.ofSeconds(30));
    Measurement measured =
        measure(
            Variant.MULTIFD, (variant, workspace) -> experiment.measure(peer, variant, workspace));
    assertThat(measured.failure()).isEmpty();
    assertThat(measured.value(Metric.BYTES)).isGreaterThan(64.0 * MIB);
    assertThat(measured.timeline().getLast().pass()).isGreaterThan(1);
  }

  @Test
  void thePeerDoesAllThatItIsComparedIn() throws IOException, InterruptedException {
    Vmm peer = peer();
    assertThat(first(peer, new StartExperiment()).value(Metric.START)).isPositive();
    assertThat(first(peer, INFLATE).value(Metric.INFLATE)).isGreaterThan(MIB);
    assertThat(first(peer, OVERHEAD).value(Metric.OVERHEAD)).isGreaterThan(MIB);
  }
}
