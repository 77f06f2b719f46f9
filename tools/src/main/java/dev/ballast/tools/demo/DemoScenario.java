package dev.ballast.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.linux.LinuxGuest;
import dev.ballast.guest.linux.LinuxGuestConsole;
import dev.ballast.tools.host.DirectoryTree;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * The steps of the demo: a Linux guest boots, gives memory back, and migrates several times;
 * everything is measured.
 */
final class DemoScenario {
  private static final int PAGE = 4096;
  private static final int MAP_CELLS = 256;
  private static final int TABLE_COLUMNS = 3;
  private static final Duration BOOT_TIMEOUT = Duration.ofMinutes(6);
  private static final Duration STEP_TIMEOUT = Duration.ofMinutes(6);

  private final DemoPlan plan;
  private final DemoStory story;
  private final Path kernel;
  private final Path initrd;
  private final ObjectNode report = JsonNodeFactory.instance.objectNode();
  private final Deque<DemoMachine> machines = new ArrayDeque<>();
  private final List<DemoHop> hops = new ArrayList<>();

  DemoScenario(PrintStream out, DemoPlan plan, Path kernel, Path initrd) {
    this.plan = plan;
    this.story = new DemoStory(out);
    this.kernel = kernel;
    this.initrd = initrd;
  }

  /**
   * Runs the demo and returns its figures.
   *
   * @throws IOException also if a rule of the demo does not hold
   */
  ObjectNode run() throws IOException, InterruptedException {
    Path directory = Files.createTempDirectory("ballast-demo");
    try {
      run(directory);
    } catch (IOException | InterruptedException e) {
      closeAll().ifPresent(e::addSuppressed);
      DirectoryTree.delete(directory);
      throw e;
    }
    Optional<IOException> failure = closeAll();
    DirectoryTree.delete(directory);
    if (failure.isPresent()) {
      throw failure.get();
    }
    return report;
  }

  /** Ends all processes; returns the first failure. */
  private Optional<IOException> closeAll() {
    Optional<IOException> first = Optional.empty();
    while (!machines.isEmpty()) {
      try {
        machines.pop().close();
      } catch (IOException e) {
        first = first.isEmpty() ? Optional.of(e) : first;
      }
    }
    return first;
  }

  private void run(Path directory) throws IOException, InterruptedException {
    long started = System.nanoTime();
    DemoMachine a = start(directory, DemoPlan.machine(0), List.of());
    LinuxGuestConsole.Ready ready = a.console().awaitReady(BOOT_TIMEOUT);
    long bootMillis = (System.nanoTime() - started) / 1_000_000;
    long memTotal = a.console().memory(STEP_TIMEOUT).totalKib();
    report
        .putObject("guest")
        .put("kernel", ready.release())
        .put("cpus", ready.cpus())
        .put("memory_bytes", plan.memoryBytes())
        .put("boot_ms", bootMillis)
        .put("mem_total_kib", memTotal);
    story.say(
        "A boots Linux %s: %d CPUs, %d MiB, up in %s"
            .formatted(
                ready.release(), ready.cpus(), plan.memoryMib(), DemoStory.seconds(bootMillis)));
    a.console().touch(plan.dataMib(), STEP_TIMEOUT);
    String md5 = a.console().hash(STEP_TIMEOUT).md5();
    story.say("the guest fills %d MiB with random data, md5 %s".formatted(plan.dataMib(), md5));
    a.balloon(plan.keptBytes(), STEP_TIMEOUT);
    story.say("the balloon takes %d MiB back".formatted(plan.balloonMib()));
    report
        .putObject("balloon")
        .put("actual_bytes", a.actualBytes())
        .put("bitmap_pages", a.bitmapPages());
    story.map(a.query("x-query-memory-map", QmpClient.arguments().put("cells", MAP_CELLS)));

    DemoMachine machine = a;
    boolean known = true;
    for (int i = 0; i < plan.hops().size(); i++) {
      boolean skipBalloon = plan.hops().get(i);
      if (skipBalloon && !known && plan.knowsBalloon()) {
        reinflate(machine);
      }
      if (plan.keptBytes(i) != machine.actualBytes()) {
        machine.balloon(plan.keptBytes(i), STEP_TIMEOUT);
      }
      machine = hop(directory, machine, DemoPlan.machine(i + 1), skipBalloon);
      known = skipBalloon;
    }
    story.table(hops.subList(Math.max(0, hops.size() - TABLE_COLUMNS), hops.size()));
    end(machine, memTotal, md5);
    if (plan.restarts()) {
      restart(machine);
    }
  }

  /** The balloon is empty without its driver, and exact again with a new one, or a new kernel. */
  private void restart(DemoMachine machine) throws IOException, InterruptedException {
    machine.balloon(plan.keptBytes(), STEP_TIMEOUT);
    checkBitmap(machine);
    machine.console().send("unbind", STEP_TIMEOUT);
    checkEmpty(machine, "an unbind");
    machine.console().send("bind", STEP_TIMEOUT);
    machine.balloon(plan.keptBytes(), STEP_TIMEOUT);
    checkBitmap(machine);
    machine.console().reboot(BOOT_TIMEOUT);
    machine.balloon(plan.keptBytes(), STEP_TIMEOUT);
    checkBitmap(machine);
    // Nothing is deflated here: what empties the bitmap is that the device is reset, by the old
    // kernel as it shuts down, if it is one that does, and by the new one as it finds the device.
    machine.console().kexec(BOOT_TIMEOUT);
    checkEmpty(machine, "a kexec");
    machine.console().send("bind", STEP_TIMEOUT);
    machine.balloon(plan.keptBytes(), STEP_TIMEOUT);
    checkBitmap(machine);
    story.say(
        "the balloon's driver was taken away and given back, the guest rebooted, and went to a new"
            + " kernel by kexec");
  }

  private static void checkEmpty(DemoMachine machine, String what) throws IOException {
    long pages = machine.bitmapPages();
    if (pages != 0) {
      throw new IOException("after %s %d pages are in the balloon".formatted(what, pages));
    }
  }

  private void checkBitmap(DemoMachine machine) throws IOException {
    long given = (plan.memoryBytes() - machine.actualBytes()) / PAGE;
    if (machine.bitmapPages() != given) {
      throw new IOException(
          "the bitmap has %d pages, the guest has given %d"
              .formatted(machine.bitmapPages(), given));
    }
  }

  /**
   * Inflates the balloon again, so that a machine that got no bitmap learns which pages are in it.
   */
  private void reinflate(DemoMachine machine) throws IOException, InterruptedException {
    story.say(
        "%s was not told which pages are in the balloon: it goes down and up again, for it to see"
            .formatted(machine.title()));
    machine.balloon(plan.memoryBytes(), STEP_TIMEOUT);
    machine.balloon(plan.keptBytes(), STEP_TIMEOUT);
  }

  private DemoMachine start(Path directory, String name, List<String> more)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>();
    arguments.addAll(
        List.of("--memory", plan.memoryMib() + "M", "--cpus", Integer.toString(plan.cpus())));
    arguments.addAll(List.of("--kernel", kernel.toString(), "--initrd", initrd.toString()));
    arguments.addAll(List.of("--cmdline", LinuxGuest.COMMAND_LINE));
    // A guest that boots again is another one than the story is about.
    arguments.addAll(List.of("--on-triple-fault", "fail"));
    arguments.addAll(more);
    DemoMachine machine = DemoMachine.start(directory, name, arguments);
    machines.push(machine);
    return machine;
  }

  /** Moves the guest to a new process, and ends the old one. */
  private DemoMachine hop(Path directory, DemoMachine from, String name, boolean skipBalloon)
      throws IOException, InterruptedException {
    String uri = "unix:" + directory.resolve(name + ".migration");
    DemoMachine to = start(directory, name, List.of("--incoming", uri));
    long bitmapPages = from.bitmapPages();
    long counterBefore = from.console().count(STEP_TIMEOUT).value();
    long sourceRss = from.residentBytes();
    JsonNode info = from.migrate(uri, skipBalloon, STEP_TIMEOUT);
    long counterAfter = to.console().count(STEP_TIMEOUT).value();
    DemoHop hop =
        new DemoHop(
            from.name(),
            name,
            plan.memoryBytes() / PAGE,
            bitmapPages,
            skipBalloon,
            info,
            sourceRss,
            to.residentBytes(),
            counterBefore,
            counterAfter);
    hops.add(hop);
    report.withArray("migrations").add(hop.json());
    story.say(
        "%s moves to %s with skip-balloon %s; the guest counts on: %d → %d"
            .formatted(
                from.title(), to.title(), skipBalloon ? "on" : "off", counterBefore, counterAfter));
    machines.remove(from);
    from.close();
    return to;
  }

  private void end(DemoMachine machine, long memTotal, String md5)
      throws IOException, InterruptedException {
    machine.balloon(plan.memoryBytes(), STEP_TIMEOUT);
    LinuxGuestConsole.Memory memory = machine.console().memory(STEP_TIMEOUT);
    String md5Now = machine.console().hash(STEP_TIMEOUT).md5();
    report
        .putObject("end")
        .put("mem_total_kib", memory.totalKib())
        .put("mem_free_kib", memory.freeKib())
        .put("actual_bytes", machine.actualBytes())
        .put("data_intact", md5Now.equals(md5));
    story.say(
        "%s deflates: the guest has %d of %d MiB free, and its data still hash to %s"
            .formatted(machine.title(), memory.freeKib() / 1024, memory.totalKib() / 1024, md5Now));
    List<String> faults = new ArrayList<>();
    hops.forEach(hop -> faults.addAll(hop.faults()));
    if (!md5Now.equals(md5)) {
      faults.add("the guest's data changed: md5 was " + md5);
    }
    if (memory.totalKib() != memTotal) {
      faults.add("the guest's MemTotal changed: it was " + memTotal + " KiB");
    }
    if (!faults.isEmpty()) {
      throw new IOException(String.join("; ", faults));
    }
    story.say("All as it must be: skipped pages, memory, counter, resident memory, data.");
  }
}
