package dev.ballast.tools.bench;

import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * A guest that migrates over a link of limited bandwidth with compression, and an equal one
 * without.
 */
record CompressionExperiment(GuestPlan guest) implements Experiment {
  private static final long BYTES_PER_SECOND = 100_000_000;

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
