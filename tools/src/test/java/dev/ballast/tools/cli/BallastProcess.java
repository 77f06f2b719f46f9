package dev.ballast.tools.cli;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.bare.BareGuest;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** A process of its own that runs {@code ballast run} with the bare guest; killed when closed. */
final class BallastProcess implements AutoCloseable {
  static final Duration TIMEOUT = Duration.ofSeconds(90);
  private static final Set<String> FINAL = Set.of("completed", "failed", "cancelled");

  private final Path directory;
  private final String name;
  private final Process process;
  private final QmpClient qmp;

  private BallastProcess(Path directory, String name, Process process, QmpClient qmp) {
    this.directory = directory;
    this.name = name;
    this.process = process;
    this.qmp = qmp;
  }

  /**
   * Starts one, which boots the guest or waits for it, and connects to its QMP socket.
   *
   * @param options more of {@code ballast run}
   */
  static BallastProcess start(Path directory, String name, boolean incoming, String... options)
      throws IOException, InterruptedException {
    Path kernel = BareGuest.writeTo(directory.resolve("bare.elf"));
    List<String> command =
        command(
            List.of(
                "run",
                "--kernel",
                kernel.toString(),
                "--cmdline",
                "virtio_mmio.device=4K@0xd0000000:16",
                "--memory",
                "128M",
                "--console",
                "unix:" + directory.resolve(name + ".serial"),
                "--qmp",
                "unix:" + directory.resolve(name + ".qmp")));
    if (incoming) {
      command.addAll(List.of("--incoming", uri(directory, name)));
    }
    command.addAll(List.of(options));
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve(name + ".log").toFile())
            .start();
    Path socket = directory.resolve(name + ".qmp");
    await()
        .atMost(TIMEOUT)
        .until(
            () ->
                Files.exists(incoming ? directory.resolve(name + ".mig") : socket)
                    || !process.isAlive());
    return new BallastProcess(directory, name, process, QmpClient.connect(socket));
  }

  /**
   * Returns the words that start the command line in a process of its own. SIGINT and SIGHUP do
   * what they do on a terminal, wherever the tests run: a Java that was started with them ignored,
   * as {@code nohup} and shells in the background have it, would not see them.
   */
  static List<String> command(List<String> arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "env",
                "--default-signal=INT,HUP",
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Ballast.class.getName()));
    command.addAll(arguments);
    return command;
  }

  /** Returns what starts {@code ballast migrate} of this guest. */
  ProcessBuilder migrateBuilder(BallastProcess to, String... options) {
    List<String> arguments =
        new ArrayList<>(List.of("migrate", "--qmp", "unix:" + directory.resolve(name + ".qmp")));
    arguments.addAll(List.of(options));
    arguments.add(to.uri());
    return new ProcessBuilder(command(arguments));
  }

  /** Starts {@code ballast migrate} of this guest; both its outputs go to a file. */
  Process startMigrate(Path output, BallastProcess to, String... options) throws IOException {
    return migrateBuilder(to, options)
        .redirectErrorStream(true)
        .redirectOutput(output.toFile())
        .start();
  }

  /** Runs a command for this machine, and returns what it printed on both its outputs. */
  String ballast(String command, String... words) throws IOException, InterruptedException {
    List<String> line =
        new ArrayList<>(List.of(command, "--qmp", "unix:" + directory.resolve(name + ".qmp")));
    line.addAll(List.of(words));
    Process process = new ProcessBuilder(command(line)).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    return output;
  }

  private static String uri(Path directory, String name) {
    return "unix:" + directory.resolve(name + ".mig");
  }

  String uri() {
    return uri(directory, name);
  }

  BareGuestConsole console() throws IOException {
    SocketChannel serial =
        SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve(name + ".serial")));
    return new BareGuestConsole(Channels.newInputStream(serial), Channels.newOutputStream(serial));
  }

  /** Sends a signal by its name. */
  void signal(String signal) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
  }

  /** Ends it with SIGKILL, and waits until it is gone. */
  void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** Waits until it ends by itself; returns its exit code. */
  int exitCode() throws InterruptedException {
    return process.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS) ? process.exitValue() : -1;
  }

  /** Returns what it has printed. */
  String output() throws IOException {
    return Files.readString(directory.resolve(name + ".log"));
  }

  /** Waits for the next event of that name, and returns its data. */
  JsonNode awaitEvent(String event) throws InterruptedException {
    while (true) {
      JsonNode next = qmp.nextEvent(TIMEOUT).orElseThrow();
      if (next.path("event").asText().equals(event)) {
        return next.path("data");
      }
    }
  }

  JsonNode ask(String command) throws IOException, QmpException {
    return qmp.command(command);
  }

  String runState() throws IOException, QmpException {
    return qmp.command("query-status").path("status").asText();
  }

  void parameter(String parameter, long value) throws IOException, QmpException {
    qmp.command("migrate-set-parameters", QmpClient.arguments().put(parameter, value));
  }

  void migrate(BallastProcess to) throws IOException, QmpException {
    ObjectNode arguments = QmpClient.arguments().put("uri", to.uri());
    qmp.command("migrate", arguments);
  }

  /** Waits until so many bytes have gone out. */
  void awaitTransferred(long bytes) {
    await()
        .atMost(TIMEOUT)
        .until(() -> ask("query-migrate").path("ram").path("transferred").asLong() >= bytes);
  }

  /** Waits for the end of the migration; returns the last answer to query-migrate. */
  JsonNode migrationEnd() throws IOException, QmpException {
    await()
        .atMost(TIMEOUT)
        .until(() -> FINAL.contains(ask("query-migrate").path("status").asText()));
    return ask("query-migrate");
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    qmp.close();
  }
}
