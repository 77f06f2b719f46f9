package dev.ballast.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.linux.LinuxGuestConsole;
import dev.ballast.tools.lab.Distribution;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import dev.ballast.tools.qmp.QmpProcess;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
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
  private final QmpProcess vmm;
  private final LinuxGuestConsole console;

  private DemoMachine(String name, QmpProcess vmm, LinuxGuestConsole console) {
    this.name = name;
    this.vmm = vmm;
    this.console = console;
  }

  /**
   * Starts a process and waits until its QMP socket answers.
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
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
    QmpProcess vmm = QmpProcess.start(name, builder, qmpSocket, log, START_TIMEOUT);
    try {
      SocketChannel serial = SocketChannel.open(UnixDomainSocketAddress.of(serialSocket));
      return new DemoMachine(
          name,
          vmm,
          new LinuxGuestConsole(Channels.newInputStream(serial), Channels.newOutputStream(serial)));
    } catch (IOException e) {
      vmm.process().destroyForcibly();
      throw e;
    }
  }

  String name() {
    return name;
  }

  /** Returns the name for output. */
  String title() {
    return name.toUpperCase(Locale.ROOT);
  }

  LinuxGuestConsole console() {
    return console;
  }

  JsonNode query(String command) throws IOException {
    return vmm.query(command);
  }

  JsonNode query(String command, ObjectNode arguments) throws IOException {
    return vmm.query(command, arguments);
  }

  /** Returns the guest's memory outside the balloon in bytes. */
  long actualBytes() throws IOException {
    return vmm.actualBytes();
  }

  /** Returns how many pages are in the balloon, by its bitmap. */
  long bitmapPages() throws IOException {
    return query("x-query-balloon-bitmap").path("pages").asLong();
  }

  /** Resizes the guest's memory outside the balloon. */
  void balloon(long bytes, Duration timeout) throws IOException, InterruptedException {
    vmm.balloon(bytes, timeout);
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
      vmm.pause(POLL_MILLIS);
    }
  }

  /** Returns the resident memory of the process in bytes. */
  long residentBytes() throws IOException {
    return vmm.residentBytes();
  }

  /**
   * Ends the process by QMP.
   *
   * @throws IOException if it does not end, or had ended or ends in any way but the one it was
   *     asked for; with what it wrote
   */
  @Override
  public void close() throws IOException {
    Process process = vmm.process();
    IOException unanswered = null;
    try (QmpClient qmp = vmm.qmp();
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
        throw new IOException(name + ": quit" + answer + vmm.lastWords(), unanswered);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      process.destroy();
    }
  }
}
