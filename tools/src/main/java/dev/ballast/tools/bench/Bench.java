package dev.ballast.tools.bench;

import dev.ballast.tools.host.LabPackages;
import dev.ballast.tools.lab.Distribution;
import java.io.IOException;
import java.io.PrintStream;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Runs scenarios on Ballast and on another VMM, in turns: first something small to warm up, then
 * each variant of each once, then the better variant of each again and again. Never two guests at
 * once.
 */
public final class Bench {
  private final PrintStream out;
  private final Vmm ballast;
  private final Optional<Vmm> peer;

  private Bench(PrintStream out, Vmm ballast, Optional<Vmm> peer) {
    this.out = out;
    this.ballast = ballast;
    this.peer = peer;
  }

  /**
   * Finds the VMMs on this host. Installs nothing.
   *
   * @param out where progress is printed
   * @throws IOException if this Ballast is not installed
   */
  public static Bench onThisHost(PrintStream out) throws IOException, InterruptedException {
    Optional<Vmm> peer = QemuVmm.find().map(qemu -> qemu);
    if (peer.isEmpty()) {
      out.printf(
          "There is no %s on the PATH, so Ballast runs alone and no ratio to it is known: apt-get"
              + " install %s%n",
          LabPackages.QEMU, LabPackages.packageOf(LabPackages.QEMU));
    }
    return new Bench(out, new BallastVmm(Distribution.find().launcher()), peer);
  }

  /**
   * Runs scenarios, one after the other.
   *
   * @param scenarios which
   * @param plan how often each is measured
   * @throws IOException if nothing can be run here; a scenario that fails is noted in the report
   */
  public BenchReport run(List<Scenario> scenarios, RepeatPlan plan)
      throws IOException, InterruptedException {
    Instant started = Instant.now();
    HostFacts host = HostFacts.ofThisHost();
    out.printf(
        Locale.ROOT,
        "%s, %d CPUs, %s, KVM: %s, load %.1f%n",
        host.processor(),
        host.cpus(),
        host.kernel(),
        host.kvm(),
        host.load());
    peer.ifPresent(
        other ->
            out.printf(
                "Ballast %s beside %s %s%n", ballast.version(), other.name(), other.version()));
    double copyBytesPerSecond = copyBytesPerSecond();
    out.printf("memcpy: %s/s%n", Figures.bytes(copyBytesPerSecond));
    List<ScenarioResult> results = new ArrayList<>();
    List<String> failures = new ArrayList<>();
    warmUp();
    long warmBytes;
    try (MemoryWarmer warmer = new MemoryWarmer()) {
      for (Scenario scenario : scenarios) {
        out.printf("%n%s: %s%n", scenario.name(), scenario.description());
        try {
          if (scenario.experiment().movesContent()) {
            warmer.keep();
          }
          results.add(run(scenario, plan, warmer, started));
        } catch (IOException e) {
          failures.add(scenario.name() + ": " + e.getMessage());
          out.println("  failed: " + e.getMessage());
        }
      }
      warmBytes = warmer.bytes();
    }
    BitmapScaling scaling = BitmapScaling.measure();
    return new BenchReport(
        started,
        Duration.between(started, Instant.now()),
        host,
        ballast.version(),
        peer.map(other -> new BenchReport.Peer(other.name(), other.version())),
        results,
        failures,
        copyBytesPerSecond,
        warmBytes,
        scaling);
  }

  private static double copyBytesPerSecond() throws IOException, InterruptedException {
    try (Workspace workspace = Workspace.create(new MemoryWarmer())) {
      return NativeBaseline.unpack(workspace.directory()).copyBytesPerSecond();
    }
  }

  /** Lets each VMM migrate a small guest, so that its program and its libraries are in memory. */
  private void warmUp() throws IOException, InterruptedException {
    Experiment small = new MigrationExperiment(GuestPlan.untouched(GuestPlan.GIB));
    List<Vmm> vmms = new ArrayList<>(List.of(ballast));
    peer.ifPresent(vmms::add);
    for (Vmm vmm : vmms) {
      try (Workspace workspace = Workspace.create(new MemoryWarmer())) {
        small.measure(vmm, small.variants().getFirst(), workspace);
      }
    }
  }

  private ScenarioResult run(
      Scenario scenario, RepeatPlan plan, MemoryWarmer warmer, Instant started)
      throws IOException, InterruptedException {
    ScenarioRun own = ScenarioRun.begin(scenario.subject(ballast), warmer, out);
    List<ScenarioRun> all = new ArrayList<>(List.of(own));
    Optional<ScenarioRun> other = Optional.empty();
    if (scenario.comparesWith(Target.Peer.class) && peer.isPresent()) {
      other = Optional.of(ScenarioRun.begin(scenario.subject(peer.get()), warmer, out));
    }
    Optional<ScenarioRun> baseline = Optional.empty();
    if (scenario.comparesWith(Target.Baseline.class)) {
      Subject program = scenario.experiment().baseline(own.result());
      baseline = Optional.of(ScenarioRun.begin(program, warmer, out));
    }
    other.ifPresent(all::add);
    baseline.ifPresent(all::add);
    repeat(all, plan, started);
    return new ScenarioResult(
        scenario, own.result(), other.map(ScenarioRun::result), baseline.map(ScenarioRun::result));
  }

  /** Measures each repeatedly; the order changes, so that side effects of one affect all others. */
  private static void repeat(List<ScenarioRun> all, RepeatPlan plan, Instant started)
      throws IOException, InterruptedException {
    List<ScenarioRun> going = all;
    while (!going.isEmpty() && plan.isInTime(Duration.between(started, Instant.now()))) {
      List<ScenarioRun> next = new ArrayList<>();
      for (ScenarioRun run : going.reversed()) {
        if (run.again(plan)) {
          next.add(run);
        }
      }
      going = next;
    }
  }
}
