package dev.ballast.tools.bench;

import dev.ballast.tools.host.ChildProcesses;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
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
 * The bench's program in C ({@code src/main/c/yardstick}): what this host can do with nothing
 * between a program and the kernel.
 *
 * @param directory where it is and where its messages go
 */
record NativeBaseline(Path directory) {
  private static final String RESOURCE = "yardstick";
  private static final long COPY_BYTES = 512 * GuestPlan.MIB;
  private static final int COPY_PASSES = 5;

  /**
   * Writes the program to a directory, unless it is there.
   *
   * @throws IllegalStateException if this copy of Ballast was built without it
   */
  static NativeBaseline unpack(Path directory) throws IOException {
    Path program = directory.resolve(RESOURCE);
    try (InputStream in = NativeBaseline.class.getResourceAsStream(RESOURCE)) {
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
    List<Map<String, Long>> replies = new ArrayList<>();
    for (String line : run(arguments)) {
      if (line.startsWith("BARE ok ") && !line.startsWith("BARE ok exit")) {
        replies.add(words(line));
      }
    }
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
  Process holdMemory(long bytes) throws IOException {
    return ChildProcesses.start(
        builder(List.of("warm", Long.toString(bytes)), directory.resolve("warm.log")));
  }

  /**
   * Moves memory from one process to another over unix sockets.
   *
   * @param bytes how much
   * @param streams over how many sockets at once
   * @param populate whether the receiver populates its memory in bulk
   * @param warm refreshed right before
   * @return bytes a second
   */
  double streamBytesPerSecond(long bytes, int streams, boolean populate, MemoryWarmer warm)
      throws IOException, InterruptedException {
    List<String> common =
        List.of(
            directory.resolve("stream").toString(),
            Long.toString(bytes),
            Integer.toString(streams));
    List<String> receive = new ArrayList<>(List.of("receive"));
    receive.addAll(common);
    receive.add(populate ? "populate" : "plain");
    List<String> send = new ArrayList<>(List.of("send"));
    send.addAll(common);
    Path errors = directory.resolve("receive.log");
    Process receiver = ChildProcesses.start(builder(receive, errors));
    try (BufferedReader ready = receiver.inputReader(StandardCharsets.UTF_8)) {
      if (ready.readLine() == null) {
        throw new IOException(Files.readString(errors).strip());
      }
      return sendInto(send, warm);
    } finally {
      receiver.destroyForcibly().waitFor();
      for (int i = 0; i < streams; i++) {
        Files.deleteIfExists(directory.resolve("stream." + i));
      }
    }
  }

  private double sendInto(List<String> send, MemoryWarmer warm)
      throws IOException, InterruptedException {
    Path errors = directory.resolve("send.log");
    Process sender = ChildProcesses.start(builder(send, errors));
    try (BufferedReader output = sender.inputReader(StandardCharsets.UTF_8)) {
      if (output.readLine() == null) {
        throw new IOException(Files.readString(errors).strip());
      }
      warm.refresh();
      sender.getOutputStream().close();
      String line = output.readLine();
      if (line == null || sender.waitFor() != 0) {
        throw new IOException(Files.readString(errors).strip());
      }
      return bytesPerSecond(line);
    } finally {
      sender.destroyForcibly();
    }
  }

  private ProcessBuilder builder(List<String> arguments, Path errors) {
    List<String> command = new ArrayList<>(List.of(directory.resolve(RESOURCE).toString()));
    command.addAll(arguments);
    return new ProcessBuilder(command).redirectError(errors.toFile());
  }

  /** Runs the program to its end; returns what it prints, at least one line. */
  private List<String> run(List<String> arguments) throws IOException, InterruptedException {
    Path errors = directory.resolve("yardstick.log");
    Process process = ChildProcesses.start(builder(arguments, errors));
    try (BufferedReader output =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      List<String> lines = output.lines().toList();
      if (process.waitFor() != 0 || lines.isEmpty()) {
        throw new IOException(Files.readString(errors).strip());
      }
      return lines;
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      process.destroyForcibly();
    }
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
