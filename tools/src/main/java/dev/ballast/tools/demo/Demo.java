package dev.ballast.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.linux.LinuxGuest;
import dev.ballast.guest.linux.LinuxGuestOptions;
import dev.ballast.tools.host.HostKvm;
import dev.ballast.tools.host.KvmProbe;
import dev.ballast.tools.host.LabPackages;
import dev.ballast.tools.host.UserCache;
import dev.ballast.tools.lab.LabCpu;
import dev.ballast.tools.lab.LabException;
import dev.ballast.tools.lab.LabOptions;
import dev.ballast.tools.lab.LabRequirements;
import dev.ballast.tools.lab.LabSession;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Runs the demo on this host, directly or in the lab, and installs what the lab lacks. */
public final class Demo {
  private static final int LAB_MEMORY_MIB = 4096;
  private static final Duration LAB_TIMEOUT = Duration.ofMinutes(40);
  private static final String KERNEL = "kernel";
  private static final String INITRAMFS = "initramfs";
  private static final String REPORT = "demo.json";
  private static final String ATTEMPTS = "lab_attempts";
  private static final int MAX_ATTEMPTS = 3;

  /** The message of a VMM in the lab when the registers of its guest were lost. */
  private static final String TRIPLE_FAULT = "triple fault";

  private final PrintStream out;
  private final DemoPlan plan;
  private final LabCpu labCpu;

  /**
   * @param out where the demo is printed
   * @param labCpu the CPU of the lab, if there has to be one
   */
  public Demo(PrintStream out, DemoPlan plan, LabCpu labCpu) {
    this.plan = plan;
    this.out = out;
    this.labCpu = labCpu;
  }

  /**
   * Runs the demo on this host.
   *
   * @return its figures
   * @throws IOException with one line for the user if something is missing or goes wrong
   */
  public ObjectNode run() throws IOException, InterruptedException {
    HostKvm kvm = KvmProbe.run().kind();
    boolean direct = kvm == HostKvm.HARDWARE;
    out.println(
        direct
            ? "This host has hardware KVM: the guest runs on it."
            : "KVM here: "
                + kvm.label()
                + ". Linux guests need the hardware kind: this runs in the lab, a machine with an"
                + " emulated processor and a complete KVM. Times there are long.");
    if (!direct) {
      installLab();
    }
    LinuxGuest guest =
        LinuxGuest.prepare(
            UserCache.guests(),
            LinuxGuestOptions.defaults().withKexec(plan.restarts()),
            out::println);
    ObjectNode report =
        direct
            ? new DemoScenario(out, plan, guest.kernel(), guest.initramfs()).run()
            : throughLab(guest);
    ObjectNode whole = JsonNodeFactory.instance.objectNode();
    ObjectNode host =
        whole.putObject("host").put("kvm", kvm.label()).put("mode", direct ? "direct" : "lab");
    if (!direct) {
      host.set(ATTEMPTS, report.remove(ATTEMPTS));
    }
    whole.setAll(report);
    return whole;
  }

  /**
   * Runs the story inside the lab.
   *
   * @param guest the directory that {@link #run} copied in
   */
  public ObjectNode inLab(Path guest) throws IOException, InterruptedException {
    return new DemoScenario(out, plan, guest.resolve(KERNEL), guest.resolve(INITRAMFS)).run();
  }

  /** Installs the packages that the lab needs, as root; else prints the command that does. */
  private void installLab() throws IOException, InterruptedException {
    List<String> missing = LabPackages.missing(labCpu.programs());
    if (missing.isEmpty() || !System.getProperty("user.name").equals("root")) {
      LabRequirements.check(labCpu);
      return;
    }
    out.println("Installing with apt-get: " + String.join(" ", missing));
    aptGet(List.of("update"));
    List<String> install = new ArrayList<>(List.of("install", "-y", "--no-install-recommends"));
    install.addAll(missing);
    aptGet(install);
    LabRequirements.check(labCpu);
  }

  private static void aptGet(List<String> arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("apt-get", "-qq"));
    command.addAll(arguments);
    Path log = Files.createTempFile("ballast-apt", ".log");
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    builder.environment().put("DEBIAN_FRONTEND", "noninteractive");
    if (builder.start().waitFor() != 0) {
      throw new IOException(String.join(" ", command) + " failed; its output is in " + log);
    }
    Files.delete(log);
  }

  /**
   * Runs the story in a lab; in another one when the emulated processor failed. With QEMU 7.2 and
   * 10.0 it sometimes does: see {@code LabCpus}.
   */
  private ObjectNode throughLab(LinuxGuest guest) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        return throughOneLab(guest).put(ATTEMPTS, attempt);
      } catch (LabException e) {
        if (!e.isDeath() || attempt == MAX_ATTEMPTS) {
          throw e;
        }
        String reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
        out.printf(
            "%s. The emulated processor does fail now and then; once more, in a new lab (%d of"
                + " %d).%n",
            reason, attempt + 1, MAX_ATTEMPTS);
      }
    }
  }

  private ObjectNode throughOneLab(LinuxGuest guest) throws IOException {
    Path directory = Files.createTempDirectory("ballast-demo");
    Path in = Files.createDirectory(directory.resolve("guest"));
    Files.copy(guest.kernel(), in.resolve(KERNEL));
    Files.copy(guest.initramfs(), in.resolve(INITRAMFS));
    LabOptions options =
        LabOptions.defaults(labCpu)
            .withMemoryMib(Math.min(LAB_MEMORY_MIB, labCpu.maxMemoryMib()))
            .withCopyIn(List.of(in))
            .withTimeout(labCpu.limit(LAB_TIMEOUT))
            .withProgress(out::println);
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    try (LabSession lab = LabSession.boot(options)) {
      List<String> command = new ArrayList<>(List.of("ballast", "demo"));
      command.addAll(plan.options());
      command.addAll(List.of("--guest", LabSession.IN + "/" + LabOptions.copyInName(in)));
      command.addAll(List.of("--json", LabSession.OUT + "/" + REPORT));
      int exitCode = lab.exec(command, out, errors);
      if (exitCode != 0) {
        throw failed(errors.toString(StandardCharsets.UTF_8).strip());
      }
      lab.collect(directory);
    }
    JsonNode report = new ObjectMapper().readTree(directory.resolve(REPORT).toFile());
    return (ObjectNode) report;
  }

  private static LabException failed(String errors) {
    String message = "the demo failed in the lab: " + errors;
    return errors.contains(TRIPLE_FAULT) ? LabException.died(message) : new LabException(message);
  }
}
