package dev.ballast.tools.bench;

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
 * each setting of each once, then the better setting of each again and again. Never two guests at
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
   * @param out where to say how it goes
   * @throws IOException if this Ballast is not installed
   */
  public static Bench onThisHost(PrintStream out) throws IOException, InterruptedException {
    Optional<Vmm> peer = QemuVmm.find().map(qemu -> qemu);
    if (peer.isEmpty()) {
      out.printf(
          "There is no %s on the PATH, so Ballast runs alone and no ratio to it is known: apt-get"
              + " install %s%n",
          QemuVmm.PROGRAM, QemuVmm.PACKAGE);
    }
    return new Bench(out, BallastVmm.find(), peer);
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
    try (MemoryWarmer warm = new MemoryWarmer()) {
      for (Scenario scenario : scenarios) {
        out.printf("%n%s: %s%n", scenario.name(), scenario.description());
        try {
          if (scenario.movesContent()) {
            warm.keep();
          }
          results.add(run(scenario, plan, warm, started));
        } catch (IOException e) {
          failures.add(scenario.name() + ": " + e.getMessage());
          out.println("  failed: " + e.getMessage());
        }
      }
      warmBytes = warm.bytes();
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

  /** Has each VMM move a small guest, so that its program and its libraries are in memory. */
  private void warmUp() throws IOException, InterruptedException {
    Scenario small = Scenarios.idle().small();
    List<Vmm> contestants = new ArrayList<>(List.of(ballast));
    peer.ifPresent(contestants::add);
    for (Vmm contestant : contestants) {
      try (Workspace workspace = Workspace.create(new MemoryWarmer())) {
        Subjects.of(contestant, small).attempts().getFirst().trial().run(workspace);
      }
    }
  }

  private ScenarioResult run(Scenario scenario, RepeatPlan plan, MemoryWarmer warm, Instant started)
      throws IOException, InterruptedException {
    Metric metric = scenario.targets().getFirst().metric();
    List<ScenarioRun> all = new ArrayList<>();
    ScenarioRun ours = ScenarioRun.first(Subjects.of(ballast, scenario), metric, warm, out);
    all.add(ours);
    Optional<ScenarioRun> theirs = Optional.empty();
    if (scenario.comparesWithPeer() && peer.isPresent()) {
      theirs = Optional.of(ScenarioRun.first(Subjects.of(peer.get(), scenario), metric, warm, out));
      all.add(theirs.get());
    }
    Optional<ScenarioRun> inC = Optional.empty();
    if (scenario.comparesWithC()) {
      Subject program = Subjects.inC(scenario, ours.side());
      inC = Optional.of(ScenarioRun.first(program, inCMetric(scenario), warm, out));
      all.add(inC.get());
    }
    repeat(all, plan, started);
    return new ScenarioResult(
        scenario, ours.side(), theirs.map(ScenarioRun::side), inC.map(ScenarioRun::side));
  }

  /** Returns the figure by which the better setting of a C program is chosen. */
  private static Metric inCMetric(Scenario scenario) {
    return scenario.targets().stream()
        .filter(target -> target.reference() instanceof Target.InC)
        .map(Target::metric)
        .findFirst()
        .orElseThrow();
  }

  private static void repeat(List<ScenarioRun> all, RepeatPlan plan, Instant started)
      throws IOException, InterruptedException {
    List<ScenarioRun> going = new ArrayList<>(all);
    while (!going.isEmpty() && plan.isInTime(Duration.between(started, Instant.now()))) {
      // The order changes from round to round: what one leaves behind meets all.
      going = new ArrayList<>(going.reversed());
      List<ScenarioRun> done = new ArrayList<>();
      for (ScenarioRun standing : going) {
        if (!standing.again(plan)) {
          done.add(standing);
        }
      }
      going.removeAll(done);
    }
  }
}
