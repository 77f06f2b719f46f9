package dev.ballast.tools.lab;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Runs the programs of the host that create the images. */
final class HostProgram {
  private HostProgram() {}

  /**
   * Runs a program to its end and returns what it wrote to standard output and standard error.
   *
   * @param directory where it runs
   * @throws LabException if it cannot be started or fails, with the last line it wrote
   */
  static String run(Path directory, List<String> command) throws LabException {
    ProcessBuilder builder =
        new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C");
    try {
      Process process = builder.start();
      process.getOutputStream().close();
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      if (status != 0) {
        String reason = output.lines().reduce((first, second) -> second).orElse("no output");
        throw new LabException(command.getFirst() + " failed with " + status + ": " + reason);
      }
      return output;
    } catch (LabException e) {
      throw e;
    } catch (IOException e) {
      throw new LabException("cannot run " + command.getFirst() + ": " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted while " + command.getFirst() + " was running", e);
    }
  }
}
