package dev.ballast.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.linux.LinuxGuestConsole;
import dev.ballast.tools.lab.Distribution;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** One VMM process of the demo: {@code ballast run}, its QMP socket and its guest's console. */
final class DemoMachine implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofMinutes(4);
  private static final Duration END_TIMEOUT = Duration.ofMinutes(2);
  private static final long POLL_MILLIS = 50;

  private final String name;
  private final Process process;
  private final QmpClient qmp;
  private final LinuxGuestConsole console;
  private final Path log;

  private DemoMachine(
      String name, Process process, Path log, QmpClient qmp, LinuxGuestConsole console) {
    this.name = name;
    this.process = process;
    this.log = log;
    this.qmp = qmp;
    this.console = console;
  }

  /**
   * Starts a process and waits until it can be steered.
   *
   * @param directory for its sockets and its log
   * @param name one letter
   * @param arguments of {@code ballast run}, but for sockets
   */
  static DemoMachine start(Path directory, String name, List<String> arguments)
      throws IOException, InterruptedException {
    Path qmpSocket = directory.resolve(name + ".qmp");
    Path serialSocket = directory.resolve(name + ".serial");
    List<String> command = new ArrayList<>(List.of(Distribution.find().launcher().toString()));
    command.addAll(List.of("run", "--name", name, "--qmp", "unix:" + qmpSocket));
    command.addAll(List.of("--console", "unix:" + serialSocket));
    command.addAll(arguments);
    Path log = directory.resolve(name + ".log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      QmpClient qmp = connectQmp(process, qmpSocket, log);
      SocketChannel serial = SocketChannel.open(UnixDomainSocketAddress.of(serialSocket));
      LinuxGuestConsole console =
          new LinuxGuestConsole(Channels.newInputStream(serial), Channels.newOutputStream(serial));
      return new DemoMachine(name, process, log, qmp, console);
    } catch (IOException | InterruptedException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private static QmpClient connectQmp(Process process, Path socket, Path log)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
    while (true) {
      if (Files.exists(socket)) {
        try {
          return QmpClient.connect(socket);
        } catch (IOException e) {
          // The socket is there before anybody listens: try again, within the limit.
          if (System.nanoTime() > deadline) {
            throw e;
          }
        }
      }
      if (process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS) || System.nanoTime() > deadline) {
        throw new IOException("ballast run did not start: " + Files.readString(log).strip());
      }
    }
  }

  String name() {
    return name;
  }

  /** Returns the name as the story tells it. */
  String title() {
    return name.toUpperCase(Locale.ROOT);
  }

  LinuxGuestConsole console() {
    return console;
  }

  JsonNode query(String command) throws IOException {
    return query(command, QmpClient.arguments());
  }

  JsonNode query(String command, ObjectNode arguments) throws IOException {
    try {
      return qmp.command(command, arguments);
    } catch (QmpException e) {
      throw new IOException(name + ": " + command + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new IOException(name + ": " + command + ": " + e.getMessage() + lastWords(), e);
    }
  }

  /** Returns the guest's memory outside the balloon in bytes. */
  long actualBytes() throws IOException {
    return query("query-balloon").path("actual").asLong();
  }

  /** Returns how many pages are in the balloon, by its bitmap. */
  long bitmapPages() throws IOException {
    return query("x-query-balloon-bitmap").path("pages").asLong();
  }

  /** Asks for a size of the guest outside the balloon, and waits until it is there. */
  void balloon(long bytes, Duration timeout) throws IOException, InterruptedException {
    query("balloon", QmpClient.arguments().put("value", bytes));
    long deadline = System.nanoTime() + timeout.toNanos();
    while (actualBytes() != bytes) {
      if (System.nanoTime() > deadline) {
        throw new IOException(
            name + ": the balloon is at " + actualBytes() + " bytes, not at " + bytes);
      }
      process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** Migrates the guest away and returns the last answer of query-migrate. */
  JsonNode migrate(String uri, boolean skipBalloon, Duration timeout)
      throws IOException, InterruptedException {
    ObjectNode capabilities = QmpClient.arguments();
    capabilities
        .putArray("capabilities")
        .add(QmpClient.arguments().put("capability", "skip-balloon").put("state", skipBalloon))
        .add(QmpClient.arguments().put("capability", "x-verify").put("state", true));
    query("migrate-set-capabilities", capabilities);
    query("migrate", QmpClient.arguments().put("uri", uri));
    long deadline = System.nanoTime() + timeout.toNanos();
    while (true) {
      JsonNode info = query("query-migrate");
      String status = info.path("status").asText();
      if (status.equals("completed")) {
        return info;
      }
      if (status.equals("failed") || status.equals("cancelled") || System.nanoTime() > deadline) {
        throw new IOException(
            "migration from " + name + ": " + status + ": " + info.path("error-desc").asText());
      }
      process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** Returns the resident memory of the process in bytes. */
  long residentBytes() throws IOException {
    for (String line :
        Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
      }
    }
    throw new IOException(name + ": there is no resident memory" + lastWords());
  }

  /** Returns what the process wrote, and its exit code if it ended. */
  private String lastWords() throws IOException {
    String ended = process.isAlive() ? "" : "; exit code " + process.exitValue();
    return ended + "; its output: " + Files.readString(log).strip();
  }

  /**
   * Ends the process by QMP.
   *
   * @throws IOException if it does not end, or had ended or ends in any way but the one it was
   *     asked for; with what it wrote
   */
  @Override
  public void close() throws IOException {
    IOException unanswered = null;
    try (qmp;
        console) {
      qmp.command("quit");
    } catch (QmpException e) {
      throw new IOException(name + ": quit: " + e.getMessage(), e);
    } catch (IOException e) {
      unanswered = e;
    }
    try {
      boolean ended = process.waitFor(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended || process.exitValue() != 0 || unanswered != null) {
        String answer = unanswered == null ? "" : ": " + unanswered.getMessage();
        throw new IOException(name + ": quit" + answer + lastWords(), unanswered);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      process.destroy();
    }
  }
}
