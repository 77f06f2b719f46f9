package dev.ballast.tools.lab;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Level 1 of a lab, as it runs: the ports that its init serves, and its disks. Any thread; each
 * port is for one thread at a time.
 */
sealed interface LabMachine extends AutoCloseable permits QemuMachine, BochsMachine {
  /** The ports, named as in the init of level 1. */
  enum Port {
    CONTROL,
    ALIVE,
    STDIN,
    STDOUT,
    STDERR;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * A part of a disk that level 1 writes what is large to, where ports are slow.
   *
   * @param device the disk as a word of a shell script
   * @param file the disk on the host; what level 1 has flushed is in it
   * @param offset where the part begins in both, in bytes, a multiple of 1 MiB
   */
  record OutDisk(String device, Path file, long offset) {}

  /**
   * Starts a machine and connects to its ports.
   *
   * @param directory of this machine only; deleted in the end, also when this fails
   * @param disks file systems, attached read-only
   * @throws LabException if the machine dies or cannot be started
   */
  static LabMachine start(Path directory, LabOptions options, LabImages images, List<Path> disks)
      throws IOException {
    return switch (options.cpu()) {
      case AMD -> QemuMachine.start(directory, options, images, disks);
      case INTEL -> BochsMachine.start(directory, options, images, disks);
    };
  }

  /** Returns what level 1 writes to a port; ends when the machine does. */
  InputStream input(Port port);

  /** Returns what level 1 reads from a port; closing it is the end of the file there, for good. */
  OutputStream output(Port port);

  /**
   * Returns the disks' names in level 1, in their order, as words of a shell script; each is to be
   * expanded once.
   */
  List<String> disks();

  /** Returns where level 1 puts what is large; if there is nothing, it is standard output. */
  Optional<OutDisk> outDisk();

  /** Ends the machine if it has not ended, and returns why it has, with the last lines it wrote. */
  LabException died() throws IOException;

  /** Ends the machine and deletes its directory. Does nothing the second time. */
  @Override
  void close() throws IOException;
}
