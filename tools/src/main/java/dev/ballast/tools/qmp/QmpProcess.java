package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.host.ChildProcesses;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A VMM, Ballast or another, in a process of its own, controlled through its QMP socket. Errors
 * name the process and include its output. One thread.
 */
public final class QmpProcess {
  private static final long POLL_MILLIS = 20;

  private final String name;
  private final Process process;
  private final Path log;
  private final QmpClient qmp;

  private QmpProcess(String name, Process process, Path log, QmpClient qmp) {
    this.name = name;
    this.process = process;
    this.log = log;
    this.qmp = qmp;
  }

  /**
   * Starts a process, which does not outlive this one, and waits until it can be steered.
   *
   * @param name for messages
   * @param builder of the process, which writes its messages to {@code log}
   * @param socket its QMP socket
   * @param log what it writes
   * @param timeout how long to wait
   * @throws IOException if it does not start, with what it wrote
   */
  public static QmpProcess start(
      String name, ProcessBuilder builder, Path socket, Path log, Duration timeout)
      throws IOException, InterruptedException {
    Process process = ChildProcesses.start(builder);
    try {
      return new QmpProcess(name, process, log, connect(name, process, socket, log, timeout));
    } catch (IOException | InterruptedException e) {
      process.destroyForcibly();
      throw e;
    }
  }

  private static QmpClient connect(
      String name, Process process, Path socket, Path log, Duration timeout)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
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
        throw new IOException(name + " did not start: " + Files.readString(log).strip());
      }
    }
  }

  /** Returns the process itself. */
  public Process process() {
    return process;
  }

  /** Returns its QMP client. */
  public QmpClient qmp() {
    return qmp;
  }

  /** Runs a command without arguments. */
  public JsonNode query(String command) throws IOException {
    return query(command, QmpClient.arguments());
  }

  /** Runs a command. */
  public JsonNode query(String command, ObjectNode arguments) throws IOException {
    try {
      return qmp.command(command, arguments);
    } catch (QmpException e) {
      throw new IOException(name + ": " + command + ": " + e.getMessage(), e);
    } catch (IOException e) {
      throw new IOException(name + ": " + command + ": " + e.getMessage() + lastWords(), e);
    }
  }

  /** Returns the guest's memory outside the balloon in bytes. */
  public long actualBytes() throws IOException {
    return query("query-balloon").path("actual").asLong();
  }

  /**
   * Sets the size of the guest outside the balloon, and waits until it is reached.
   *
   * @param bytes that size
   * @param timeout how long to wait
   */
  public void balloon(long bytes, Duration timeout) throws IOException, InterruptedException {
    query("balloon", QmpClient.arguments().put("value", bytes));
    long deadline = System.nanoTime() + timeout.toNanos();
    for (long actual = actualBytes(); actual != bytes; actual = actualBytes()) {
      if (System.nanoTime() > deadline) {
        throw new IOException(name + ": the balloon leaves " + actual + " bytes, not " + bytes);
      }
      pause(POLL_MILLIS);
    }
  }

  /** Waits for a time, or until the process ends. */
  public void pause(long millis) throws IOException, InterruptedException {
    if (process.waitFor(millis, TimeUnit.MILLISECONDS)) {
      throw new IOException(name + " is gone" + lastWords());
    }
  }

  /** Returns resident memory in bytes, shared pages too. */
  public long residentBytes() throws IOException {
    for (String line :
        Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
      }
    }
    throw new IOException(name + ": there is no resident memory" + lastWords());
  }

  /** Returns what the process wrote, and its exit code if it ended. */
  public String lastWords() throws IOException {
    String ended = process.isAlive() ? "" : "; exit code " + process.exitValue();
    return ended + "; its output: " + Files.readString(log).strip();
  }
}
