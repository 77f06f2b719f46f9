package dev.ballast.tools.bench;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A guest that is moved once.
 *
 * @param guest what the guest does
 * @param peerGuest what it does under the other VMM; the same but where that takes too long
 * @param patience how long a migration may take; one whose guest goes on to write counts as one
 *     that does not converge then
 */
record MigrationExperiment(GuestPlan guest, GuestPlan peerGuest, Duration patience)
    implements Experiment {
  private static final String POPULATES = "populates";

  /** Creates an experiment with the same guest under both VMMs and a migration that converges. */
  MigrationExperiment(GuestPlan guest) {
    this(guest, guest, MigrationTrial.PATIENCE);
  }

  @Override
  public boolean movesContent() {
    return guest.hasContent();
  }

  @Override
  public List<Variant> variants() {
    return List.of(Variant.SINGLE, Variant.MULTIFD);
  }

  @Override
  public Optional<Measurement> measure(Vmm vmm, Variant variant, Workspace workspace)
      throws IOException, InterruptedException {
    GuestPlan plan = vmm.isPeer() ? peerGuest : guest;
    return new MigrationTrial(workspace, vmm, plan, variant, MigrationTrial.UNLIMITED, patience)
        .run("migration");
  }

  /** Returns a pair of processes that move as many bytes over as many streams. */
  @Override
  public Subject baseline(SubjectResult ballast) {
    int streams = Math.max(1, ballast.variant().streams());
    // Each stream moves whole huge pages.
    long unit = 2 * GuestPlan.MIB * streams;
    long sent = (long) ballast.statistics(Metric.BYTES).median();
    long bytes = Math.max(1, sent / unit) * unit;
    return new Subject(
        "C pair",
        Metric.BANDWIDTH,
        List.of(new Variant(streams, "faults"), new Variant(streams, POPULATES)),
        (variant, workspace) -> {
          boolean populate = variant.mode().equals(POPULATES);
          double bandwidth =
              NativeBaseline.unpack(workspace.directory())
                  .streamBytesPerSecond(bytes, streams, populate, workspace.warmer());
          return Optional.of(Measurement.of(Metric.BANDWIDTH, bandwidth));
        });
  }
}
