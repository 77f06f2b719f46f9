package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareReply;
import dev.ballast.tools.host.ChildProcesses;
import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The bench's program in C, the yardstick ({@code src/main/c/yardstick}): the speed of this host
 * without a JVM.
 *
 * @param directory where it is and where its messages go
 */
record NativeBaseline(Path directory) {
  private static final String PROGRAM = "yardstick";
  private static final long COPY_BYTES = 512 * GuestPlan.MIB;
  private static final int COPY_PASSES = 5;

  /**
   * The program while it runs. Closing ends it.
   *
   * @param output what it prints
   * @param errors where its messages go
   */
  record Running(Process process, BufferedReader output, Path errors) implements Closeable {
    /** Waits for a line; fails with the program's message if it ends without one. */
    String awaitLine() throws IOException {
      String line = output.readLine();
      if (line == null) {
        throw failure();
      }
      return line;
    }

    /** Waits for the end; fails with the program's message if it did. */
    void awaitEnd() throws IOException, InterruptedException {
      if (process.waitFor() != 0) {
        throw failure();
      }
    }

    private IOException failure() throws IOException {
      return new IOException(Files.readString(errors).strip());
    }

    @Override
    public void close() throws IOException {
      process.destroyForcibly().onExit().join();
      output.close();
    }
  }

  /**
   * Writes the program to a directory.
   *
   * @throws IllegalStateException if this copy of Ballast was built without it
   */
  static NativeBaseline unpack(Path directory) throws IOException {
    Path program = directory.resolve(PROGRAM);
    try (InputStream in = NativeBaseline.class.getResourceAsStream(PROGRAM)) {
      if (in == null) {
        throw new IllegalStateException("the yardstick is missing: build tools with Maven");
      }
      Files.copy(in, program, StandardCopyOption.REPLACE_EXISTING);
    }
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return new NativeBaseline(directory);
  }

  /** Returns how fast the time-stamp counter counts, in hertz. */
  double clockHertz() throws IOException, InterruptedException {
    return BareReply.parse(true, run("clock").getFirst()).number("tsc_khz") * 1000.0;
  }

  /** Returns how many bytes memcpy copies in a second, from memory that is there to such memory. */
  double copyBytesPerSecond() throws IOException, InterruptedException {
    return bytesPerSecond(run("copy", COPY_BYTES, COPY_PASSES).getFirst());
  }

  /**
   * Boots the bare guest in the loop around KVM_RUN.
   *
   * @return its replies to the commands, in order
   * @throws IOException if one of them is not carried out
   */
  List<BareReply> bareGuest(Path kernel, List<String> commands)
      throws IOException, InterruptedException {
    List<Object> arguments = new ArrayList<>(List.of(kernel));
    arguments.addAll(commands);
    List<BareReply> replies =
        run("exits", arguments.toArray()).stream()
            .filter(line -> line.startsWith("BARE ok ") && !line.startsWith("BARE ok exit"))
            .map(line -> BareReply.parse(true, line))
            .toList();
    if (replies.size() != commands.size()) {
      throw new IOException("the bare guest in C answers %s to %s".formatted(replies, commands));
    }
    return replies;
  }

  /** Starts a process that holds nearly all of the host's free memory, up to a limit. */
  Running holdMemory(long bytes) throws IOException {
    return start("warm", bytes);
  }

  /**
   * Moves memory from one process to another over unix sockets, and returns bytes a second.
   *
   * @param populate whether the receiver populates its memory in bulk
   * @param warmer refreshed right before
   */
  double streamBytesPerSecond(long bytes, int streams, boolean populate, MemoryWarmer warmer)
      throws IOException, InterruptedException {
    Path socket = directory.resolve("stream");
    String mode = populate ? "populate" : "plain";
    try (Running receiver = start("receive", socket, bytes, streams, mode)) {
      receiver.awaitLine();
      try (Running sender = start("send", socket, bytes, streams)) {
        sender.awaitLine();
        warmer.refresh();
        sender.process.getOutputStream().close();
        String line = sender.awaitLine();
        sender.awaitEnd();
        return bytesPerSecond(line);
      }
    } finally {
      for (int i = 0; i < streams; i++) {
        Files.deleteIfExists(directory.resolve("stream." + i));
      }
    }
  }

  /** Runs the program to its end; returns what it prints, at least one line. */
  private List<String> run(String command, Object... arguments)
      throws IOException, InterruptedException {
    try (Running program = start(command, arguments)) {
      List<String> lines = new ArrayList<>(List.of(program.awaitLine()));
      program.output.lines().forEach(lines::add);
      program.awaitEnd();
      return lines;
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private Running start(String command, Object... arguments) throws IOException {
    List<String> words = new ArrayList<>(List.of(directory.resolve(PROGRAM).toString(), command));
    Stream.of(arguments).map(Object::toString).forEach(words::add);
    Path errors = directory.resolve(command + ".log");
    Process process =
        ChildProcesses.start(new ProcessBuilder(words).redirectError(errors.toFile()));
    return new Running(process, process.inputReader(StandardCharsets.UTF_8), errors);
  }

  private static double bytesPerSecond(String line) throws IOException {
    BareReply words = BareReply.parse(true, line);
    return words.number("bytes") / (words.number("ns") / 1e9);
  }
}
