package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** A process of either VMM with the bare guest, or with room for it. One thread. */
final class VmmProcess implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
  private static final Duration END_TIMEOUT = Duration.ofSeconds(60);
  private static final long POLL_MILLIS = 20;

  private final String name;
  private final Process process;
  private final Path errors;
  private final QmpClient qmp;
  private final BareGuestConsole console;

  private VmmProcess(String name, Process process, Path errors, QmpClient qmp) {
    this.name = name;
    this.process = process;
    this.errors = errors;
    this.qmp = qmp;
    this.console = new BareGuestConsole(process.getInputStream(), process.getOutputStream());
  }

  /**
   * Starts a process and waits until it can be steered.
   *
   * @param contestant whose
   * @param directory for its socket and its messages
   * @param kernel the bare guest
   * @param memoryBytes RAM of the guest
   * @param role what it is for
   * @throws IOException if it does not start, with what it wrote
   */
  static VmmProcess start(
      Contestant contestant, Path directory, Path kernel, long memoryBytes, Contestant.Role role)
      throws IOException, InterruptedException {
    String name = contestant.name() + " " + role.name().toLowerCase(Locale.ROOT);
    Path socket = directory.resolve(role + ".qmp");
    Path errors = directory.resolve(role + ".log");
    Process process =
        new ProcessBuilder(contestant.command(kernel, socket, memoryBytes, role))
            .redirectError(errors.toFile())
            .start();
    try {
      return new VmmProcess(name, process, errors, connect(name, process, socket, errors));
    } catch (IOException | InterruptedException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private static QmpClient connect(String name, Process process, Path socket, Path errors)
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
        throw new IOException(name + " did not start: " + Files.readString(errors).strip());
      }
    }
  }

  /** Returns the guest's serial line. */
  BareGuestConsole console() {
    return console;
  }

  /** Returns the process's QMP socket, for what is polled; errors are the caller's to explain. */
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

  /** Tells whether it can migrate over several connections. */
  boolean hasMultifd() throws IOException {
    for (JsonNode capability : query("query-migrate-capabilities")) {
      if (capability.path("capability").asText().equals("multifd")) {
        return true;
      }
    }
    return false;
  }

  /**
   * Asks for a size of the guest outside the balloon, and waits until it is there.
   *
   * @param bytes that size
   * @param timeout how long to wait
   */
  void balloon(long bytes, Duration timeout) throws IOException, InterruptedException {
    query("balloon", QmpClient.arguments().put("value", bytes));
    long deadline = System.nanoTime() + timeout.toNanos();
    for (long actual = actual(); actual != bytes; actual = actual()) {
      if (System.nanoTime() > deadline) {
        throw new IOException(name + ": the balloon leaves " + actual + " bytes, not " + bytes);
      }
      pause(POLL_MILLIS);
    }
  }

  private long actual() throws IOException {
    return query("query-balloon").path("actual").asLong();
  }

  /** Lets time go by, as long as the process lives. */
  void pause(long millis) throws IOException, InterruptedException {
    if (process.waitFor(millis, TimeUnit.MILLISECONDS)) {
      throw new IOException(name + " is gone" + lastWords());
    }
  }

  /** Returns resident memory in bytes, shared pages too. */
  long residentBytes() throws IOException {
    for (String line :
        Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
      }
    }
    throw new IOException(name + ": there is no resident memory" + lastWords());
  }

  private String lastWords() throws IOException {
    String ended = process.isAlive() ? "" : "; exit code " + process.exitValue();
    return ended + "; its messages: " + Files.readString(errors).strip();
  }

  /** Ends the process; by force if it does not want to, since another one needs its memory. */
  @Override
  public void close() throws IOException {
    try (qmp;
        console) {
      qmp.command("quit");
    } catch (IOException | QmpException e) {
      process.destroyForcibly();
    }
    try {
      if (!process.waitFor(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
