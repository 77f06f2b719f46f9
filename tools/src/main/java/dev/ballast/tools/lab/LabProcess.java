package dev.ballast.tools.lab;

import dev.ballast.tools.host.DirectoryTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The emulator's process and the directory of its run. Both are gone after {@link #close}, and when
 * this JVM ends. Any thread.
 */
final class LabProcess implements AutoCloseable {
  /** The file in the directory that gets what level 1 writes to its console. */
  static final String CONSOLE_LOG = "console.log";

  /** The file in the directory that gets what the emulator writes. */
  static final String EMULATOR_LOG = "emulator.log";

  private static final int LINES_IN_ERRORS = 12;

  private final Path directory;
  private final Process process;
  private final Thread atExit;
  private volatile @Nullable Duration expired;

  private LabProcess(Path directory, Process process) {
    this.directory = directory;
    this.process = process;
    atExit = new Thread(this::cleanAtExit, "lab-at-exit");
  }

  /**
   * Starts an emulator.
   *
   * @param directory where it runs; deleted in the end
   * @param environment variables that it sees besides those of this process
   * @param timeout after which it is killed
   */
  static LabProcess start(
      Path directory, List<String> command, Map<String, String> environment, Duration timeout)
      throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectInput(Path.of("/dev/null").toFile())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve(EMULATOR_LOG).toFile());
    builder.environment().putAll(environment);
    LabProcess started = new LabProcess(directory, builder.start());
    Runtime.getRuntime().addShutdownHook(started.atExit);
    started.killAfter(timeout);
    return started;
  }

  private void killAfter(Duration timeout) {
    process
        .onExit()
        .orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
        .exceptionally(
            timedOut -> {
              expired = timeout;
              kill();
              return process;
            });
  }

  private void kill() {
    process.destroyForcibly();
    process.onExit().join();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** Ends the process if it has not ended, and returns why it has, with the last lines it wrote. */
  LabException died() throws IOException {
    kill();
    Duration limit = expired;
    if (limit != null) {
      return new LabException("the lab was stopped after " + limit.toSeconds() + " s");
    }
    List<String> lines = new ArrayList<>(lastLines(EMULATOR_LOG));
    lines.addAll(lastLines(CONSOLE_LOG));
    return LabException.died(
        lines.isEmpty()
            ? "the lab died without a word"
            : "the lab died; its last words:\n  " + String.join("\n  ", lines));
  }

  private List<String> lastLines(String log) throws IOException {
    Path file = directory.resolve(log);
    if (!Files.exists(file)) {
      return List.of();
    }
    // A serial console may hold any byte; Latin-1 takes them all.
    List<String> lines =
        Files.readString(file, StandardCharsets.ISO_8859_1)
            .lines()
            .map(line -> line.replaceAll("\\p{Cntrl}", "").stripTrailing())
            .filter(line -> !line.isEmpty())
            .toList();
    return lines.subList(Math.max(0, lines.size() - LINES_IN_ERRORS), lines.size());
  }

  /** Ends the process and deletes the directory. Does nothing the second time. */
  @Override
  public void close() throws IOException {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException _) {
      // The JVM is ending already, and its hook cleans up.
      return;
    }
    clean();
  }

  private void clean() throws IOException {
    kill();
    DirectoryTree.delete(directory);
  }

  private void cleanAtExit() {
    try {
      clean();
    } catch (IOException e) {
      System.err.println("lab: cannot clean up " + directory + ": " + e);
    }
  }
}
