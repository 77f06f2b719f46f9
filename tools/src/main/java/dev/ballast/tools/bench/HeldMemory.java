package dev.ballast.tools.bench;

import dev.ballast.tools.host.ChildProcesses;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Memory of the host that a process keeps for whoever is measured next. On a host that is itself a
 * virtual machine, the first touch of memory that its hypervisor has to find costs far more than a
 * migration does with it, and who finds memory that was in use a moment ago is lucky. With this,
 * all are. One thread.
 */
final class HeldMemory implements AutoCloseable {
  private final Process process;

  private HeldMemory(Process process) {
    this.process = process;
  }

  /**
   * Takes memory.
   *
   * @param program the yardstick
   * @param bytes how much
   * @param errors where the program's messages go
   * @throws IOException if there is not so much
   */
  static HeldMemory take(Path program, long bytes, Path errors)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(List.of(program.toString(), "hold", Long.toString(bytes)))
            .redirectError(errors.toFile());
    Process process = ChildProcesses.start(builder);
    // Not closed: that would close the process's output, and it is of one line.
    BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
    if (output.readLine() == null) {
      process.waitFor();
      throw new IOException(Files.readString(errors).strip());
    }
    return new HeldMemory(process);
  }

  /** Gives the memory back to the kernel, and returns when that has happened. */
  void release() throws IOException, InterruptedException {
    process.getOutputStream().close();
    process.waitFor();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
