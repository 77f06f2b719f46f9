package dev.ballast.tools.bench;

import static dev.ballast.tools.bench.GuestPlan.GIB;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** A guest that is moved over a link with a limit, compressed, and another one like it as it is. */
record CompressionScenario(Outline outline, GuestPlan guest) implements Scenario {
  private static final long BYTES_PER_SECOND = 100_000_000;

  /** 1 KiB. */
  private static final int COMPRESSIBLE_WORDS = 128;

  CompressionScenario() {
    this(
        new Outline(
            "touched-compressed",
            "2 GiB, 512 MiB of it filled with what repeats, over a link of 100 MB/s, compressed",
            List.of(
                Target.toOwn(Metric.TIME, 0.5, Metric.PLAIN_TIME), Target.toPeer(Metric.TIME, 1)),
            "Each page is 1 KiB of what looks random, four times. multifd with two channels; the better"
                + " of lz4 and zstd that there are."),
        GuestPlan.untouched(2 * GIB).filling(new GuestPlan.Fill(GIB, GIB / 2, COMPRESSIBLE_WORDS)));
  }

  @Override
  public CompressionScenario small() {
    return new CompressionScenario(outline, guest.small());
  }

  @Override
  public boolean movesContent() {
    return true;
  }

  @Override
  public List<Variant> variants() {
    int streams = Variant.MULTIFD.streams();
    return List.of(new Variant(streams, "lz4"), new Variant(streams, "zstd"));
  }

  /** Measures the compressed migration, with the time of the other. */
  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    Optional<Measurement> compressed = trial(vmm, variant, workspace).run("compressed");
    if (compressed.isEmpty()) {
      return compressed;
    }
    Measurement plain = trial(vmm, Variant.MULTIFD, workspace).run("plain").orElseThrow();
    return compressed.map(m -> m.with(Metric.PLAIN_TIME, plain.value(Metric.TIME)));
  }

  private MigrationTrial trial(Vmm vmm, Variant variant, Workspace workspace) {
    return new MigrationTrial(
        workspace, vmm, guest, variant, BYTES_PER_SECOND, MigrationTrial.PATIENCE);
  }
}
