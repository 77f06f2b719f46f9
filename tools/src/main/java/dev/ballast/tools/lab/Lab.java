package dev.ballast.tools.lab;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;

/**
 * Runs one command in a lab of its own. The lab is a virtual machine of QEMU whose CPU is emulated,
 * with the AMD virtualisation extensions: Linux in it offers a {@code /dev/kvm} with full hardware
 * semantics, so what runs there does what it would do on hardware, only slower. For several
 * commands in one lab, see {@link LabSession}.
 */
public final class Lab {
  private Lab() {}

  /**
   * Runs a command to its end. Any thread; blocks.
   *
   * @param command the program and its arguments; {@code ballast} and {@code java} are on its PATH
   * @param outDir where the content of {@code /out} goes; created if there is any
   * @param stdout gets the output while it is written; not closed
   * @param stderr gets the error output while it is written; not closed
   * @throws LabException if the lab cannot be built or started, or dies, or its time is over
   * @throws IOException if a stream of the caller fails
   */
  public static LabResult run(
      LabOptions options,
      List<String> command,
      Path outDir,
      OutputStream stdout,
      OutputStream stderr)
      throws IOException {
    try (LabSession session = LabSession.boot(options)) {
      int exitCode = session.exec(command, stdout, stderr);
      session.collect(outDir);
      return new LabResult(exitCode, outDir);
    }
  }
}
