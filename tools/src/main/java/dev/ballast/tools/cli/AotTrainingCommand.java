package dev.ballast.tools.cli;

import dev.ballast.guest.bare.BareGuest;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.tools.host.DirectoryTree;
import dev.ballast.virtio.transport.mmio.VirtioMmioConfig;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code ballast aot-training}: moves bare guests from machine to machine, all within this process,
 * by the same commands as users do. A JVM that is to archive classes and profiles for later starts
 * finds in it what those need.
 */
@Command(
    name = "aot-training",
    hidden = true,
    description =
        "Boots, balloons and moves bare guests in this process, for its JVM to learn from.",
    mixinStandardHelpOptions = true)
final class AotTrainingCommand implements Callable<Integer> {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final Duration TIMEOUT = Duration.ofSeconds(30);
  private static final long MOMENT_NANOS = 2_000_000;

  @Range(min = 0, max = 1000, example = 4)
  @Option(names = "--hops", defaultValue = "4", description = "How often the guest moves.")
  private int hops;

  private final List<Thread> machines = new ArrayList<>();

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  AotTrainingCommand() {}

  @Override
  public Integer call() throws IOException, InterruptedException {
    execute("help");
    if (!Files.isWritable(KVM)) {
      return 0;
    }
    Path directory = Files.createTempDirectory("ballast-aot-training");
    try {
      train(directory);
    } finally {
      for (Thread machine : machines) {
        machine.join(TIMEOUT);
      }
      DirectoryTree.delete(directory);
    }
    return 0;
  }

  private void train(Path directory) throws IOException, InterruptedException {
    Path kernel = BareGuest.writeTo(directory.resolve("bare.elf"));
    Machine now = new Machine(directory, 0);
    String device = VirtioMmioConfig.FIRST_DEVICE_PARAMETER;
    start(now, "--kernel", kernel.toString(), "--cmdline", device);
    try (BareGuestConsole console = now.connect()) {
      console.awaitReady(TIMEOUT);
      console.send("fill 16777216 67108864 1", TIMEOUT);
    }
    try {
      for (int hop = 1; hop <= hops; hop++) {
        String target = hop % 2 == 0 ? "192M" : "160M";
        execute("balloon", "--qmp", now.qmp(), target, "--wait", "10");
        Machine next = new Machine(directory, hop);
        start(next, "--incoming", "unix:" + next.migration());
        await(next.migration());
        String streams = hop % 2 == 0 ? "--multifd=2" : "--downtime-limit=300";
        execute("migrate", "--qmp", now.qmp(), streams, "unix:" + next.migration());
        execute("status", "--qmp", next.qmp());
        execute("quit", "--qmp", now.qmp());
        now = next;
      }
    } finally {
      execute("quit", "--qmp", now.qmp());
    }
  }

  private void start(Machine machine, String... options) throws IOException {
    List<String> command = new ArrayList<>(List.of("run", "--memory", "256M"));
    command.addAll(List.of("--qmp", machine.qmp(), "--console", "unix:" + machine.console()));
    command.addAll(List.of(options));
    machines.add(
        Thread.ofPlatform()
            .daemon()
            .name("aot-training")
            .start(() -> Ballast.execute(command.toArray(String[]::new))));
    await(machine.socket());
  }

  /** A command that fails says why; what it was to teach is then missing, and nothing else. */
  private static void execute(String... words) throws IOException {
    if (Ballast.execute(words) != 0) {
      throw new IOException("the training run ended at: " + String.join(" ", words));
    }
  }

  private static void await(Path socket) throws IOException {
    long deadline = System.nanoTime() + TIMEOUT.toNanos();
    while (!Files.exists(socket)) {
      if (System.nanoTime() > deadline) {
        throw new IOException("the training run ended: there is no " + socket);
      }
      LockSupport.parkNanos(MOMENT_NANOS);
    }
  }

  private record Machine(Path directory, int number) {
    Path socket() {
      return directory.resolve("qmp." + number);
    }

    String qmp() {
      return "unix:" + socket();
    }

    Path console() {
      return directory.resolve("console." + number);
    }

    Path migration() {
      return directory.resolve("migration." + number);
    }

    BareGuestConsole connect() throws IOException {
      SocketChannel serial = SocketChannel.open(StandardProtocolFamily.UNIX);
      serial.connect(UnixDomainSocketAddress.of(console()));
      return new BareGuestConsole(
          Channels.newInputStream(serial), Channels.newOutputStream(serial));
    }
  }
}
