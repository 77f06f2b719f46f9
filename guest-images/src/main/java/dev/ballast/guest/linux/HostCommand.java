package dev.ballast.guest.linux;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Runs programs of the host, without input and in the C locale. */
final class HostCommand {
  /**
   * What a program left.
   *
   * @param status its exit status
   * @param output what it wrote to standard output and standard error
   */
  record Result(int status, String output) {
    boolean succeeded() {
      return status == 0;
    }

    /** Returns the line that most likely says what went wrong, or the exit status. */
    String reason() {
      return output
          .lines()
          .map(String::strip)
          .filter(line -> line.startsWith("E: ") || line.startsWith("Err:"))
          .findFirst()
          .or(() -> output.lines().map(String::strip).filter(line -> !line.isEmpty()).findFirst())
          .orElse("exit status " + status);
    }
  }

  private HostCommand() {}

  /**
   * Runs a program to its end.
   *
   * @throws GuestImageException if it is not installed, or the wait is interrupted
   */
  static Result run(Path directory, List<String> command) throws IOException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectInput(ProcessBuilder.Redirect.from(new File("/dev/null")))
            .redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C");
    Process process;
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new GuestImageException(
          "cannot run "
              + command.getFirst()
              + ", which this host seems not to have: give your own kernel, its modules and a"
              + " static busybox",
          e);
    }
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      return new Result(process.waitFor(), output);
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new GuestImageException("interrupted while " + command.getFirst() + " was running", e);
    }
  }
}
