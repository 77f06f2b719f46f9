package dev.ballast.tools.bench;

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
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The bench's program in C, the yardstick ({@code src/main/c/yardstick}): what this host can do
 * with nothing between a program and the kernel.
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
    /**
     * Waits for a line.
     *
     * @throws IOException if the program ends without one, with its message
     */
    String awaitLine() throws IOException {
      String line = output.readLine();
      if (line == null) {
        throw failure();
      }
      return line;
    }

    /**
     * Waits for the end.
     *
     * @throws IOException if the program failed, with its message
     */
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
    return value(words(run(List.of("clock")).getFirst()), "tsc_khz") * 1000.0;
  }

  /** Returns how many bytes memcpy copies in a second, from memory that is there to such memory. */
  double copyBytesPerSecond() throws IOException, InterruptedException {
    List<String> lines =
        run(List.of("copy", Long.toString(COPY_BYTES), Integer.toString(COPY_PASSES)));
    return bytesPerSecond(lines.getFirst());
  }

  /**
   * Boots the bare guest in the loop around KVM_RUN.
   *
   * @param kernel the bare guest
   * @param commands what it is to do
   * @return the values of its replies, in order
   * @throws IOException if one of them is not carried out
   */
  List<Map<String, Long>> bareGuest(Path kernel, List<String> commands)
      throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("exits", kernel.toString()));
    arguments.addAll(commands);
    List<Map<String, Long>> replies =
        run(arguments).stream()
            .filter(line -> line.startsWith("BARE ok ") && !line.startsWith("BARE ok exit"))
            .map(NativeBaseline::words)
            .toList();
    if (replies.size() != commands.size()) {
      throw new IOException("the bare guest in C answers %s to %s".formatted(replies, commands));
    }
    return replies;
  }

  /**
   * Starts what holds the host's free memory, but for a little.
   *
   * @param bytes how much at most
   */
  Running holdMemory(long bytes) throws IOException {
    return start(List.of("warm", Long.toString(bytes)));
  }

  /**
   * Moves memory from one process to another over unix sockets.
   *
   * @param bytes how much
   * @param streams over how many sockets at once
   * @param populate whether the receiver populates its memory in bulk
   * @param warmer refreshed right before
   * @return bytes a second
   */
  double streamBytesPerSecond(long bytes, int streams, boolean populate, MemoryWarmer warmer)
      throws IOException, InterruptedException {
    String socket = directory.resolve("stream").toString();
    String size = Long.toString(bytes);
    String count = Integer.toString(streams);
    String mode = populate ? "populate" : "plain";
    try (Running receiver = start(List.of("receive", socket, size, count, mode))) {
      receiver.awaitLine();
      try (Running sender = start(List.of("send", socket, size, count))) {
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
  private List<String> run(List<String> arguments) throws IOException, InterruptedException {
    try (Running program = start(arguments)) {
      List<String> lines = new ArrayList<>(List.of(program.awaitLine()));
      program.output.lines().forEach(lines::add);
      program.awaitEnd();
      return lines;
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private Running start(List<String> arguments) throws IOException {
    List<String> command = new ArrayList<>(List.of(directory.resolve(PROGRAM).toString()));
    command.addAll(arguments);
    Path errors = directory.resolve(arguments.getFirst() + ".log");
    Process process =
        ChildProcesses.start(new ProcessBuilder(command).redirectError(errors.toFile()));
    return new Running(process, process.inputReader(StandardCharsets.UTF_8), errors);
  }

  private static double bytesPerSecond(String line) throws IOException {
    Map<String, Long> words = words(line);
    return value(words, "bytes") / (value(words, "ns") / 1e9);
  }

  /** Returns those words of a line that are a name and a number. */
  static Map<String, Long> words(String line) {
    Map<String, Long> words = new HashMap<>();
    for (String word : line.split(" ", -1)) {
      int equals = word.indexOf('=');
      String number = word.substring(equals + 1);
      if (equals > 0 && number.matches("\\d{1,18}")) {
        words.put(word.substring(0, equals), Long.parseLong(number));
      }
    }
    return words;
  }

  /** Returns one of them. */
  static long value(Map<String, Long> words, String name) throws IOException {
    Long value = words.get(name);
    if (value == null) {
      throw new IOException("the yardstick says " + words + ", and not " + name);
    }
    return value;
  }
}
