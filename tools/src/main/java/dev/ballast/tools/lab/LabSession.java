package dev.ballast.tools.lab;

import dev.ballast.tools.host.DirectoryTree;
import dev.ballast.tools.lab.LabMachine.OutDisk;
import dev.ballast.tools.lab.LabMachine.Port;
import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A lab that is up, for any number of commands, one after the other. Processes that a command
 * leaves in the background live on until the session is closed. For one thread at a time.
 */
public final class LabSession implements AutoCloseable {
  /** The directory of level 1 that {@link #collect} brings back; commands see it as BALLAST_OUT. */
  public static final String OUT = "/out";

  /** The directory of level 1 that holds what was copied in. */
  public static final String IN = "/in";

  private static final Logger log = LoggerFactory.getLogger(LabSession.class);
  private static final String READY = "ready";
  private static final int BUFFER = 1 << 16;

  private final LabMachine machine;
  private final BufferedReader control;
  private final Map<String, String> environment = new LinkedHashMap<>();

  /**
   * What a command wrote.
   *
   * @param exitCode its exit code
   * @param stdout its output, as UTF-8
   * @param stderr its error output, as UTF-8
   */
  private record Output(int exitCode, String stdout, String stderr) {}

  private LabSession(LabMachine machine) {
    this.machine = machine;
    control =
        new BufferedReader(
            new InputStreamReader(machine.input(Port.CONTROL), StandardCharsets.UTF_8));
  }

  /**
   * Starts a lab; makes its images before, if they are not in the cache. Blocks until commands can
   * be run: some seconds.
   *
   * @throws LabException if the lab cannot be built or started
   */
  public static LabSession boot(LabOptions options) throws IOException {
    LabImages images = LabImages.prepare(options.cpu(), options.progress());
    Path directory = Files.createTempDirectory("ballast-lab");
    LabMachine machine = null;
    LabSession session = null;
    try {
      SequencedMap<Path, Path> disks = images.disks();
      for (Path source : options.copyIn()) {
        Path disk = directory.resolve("in" + disks.size() + ".ext4");
        copyIn(source, disk);
        disks.put(Path.of(IN, LabOptions.copyInName(source)), disk);
      }
      options.cpu().announcement().ifPresent(options.progress());
      machine = LabMachine.start(directory, options, images, List.copyOf(disks.sequencedValues()));
      LabSession started = new LabSession(machine);
      started.setUp(images, options, List.copyOf(disks.sequencedKeySet()));
      session = started;
      return started;
    } finally {
      if (session == null) {
        if (machine != null) {
          machine.close();
        }
        DirectoryTree.delete(directory);
      }
    }
  }

  private static void copyIn(Path source, Path disk) throws IOException {
    if (!Files.isDirectory(source)) {
      throw new LabException("there is no directory " + source + " to copy into the lab");
    }
    Ext4Image.create(source.toAbsolutePath(), disk);
  }

  private void setUp(LabImages images, LabOptions options, List<Path> mountPoints)
      throws IOException {
    if (!READY.equals(control.readLine())) {
      throw machine.died();
    }
    Output output =
        capture(ShellScript.mounts(machine.disks(), mountPoints) + images.setUpScript());
    if (output.exitCode() != 0) {
      throw new LabException("the lab cannot set itself up: " + output.stderr().strip());
    }
    environment.putAll(images.environment());
    environment.putAll(options.environment());
  }

  /**
   * Runs a command to its end.
   *
   * @param command the program and its arguments; {@code ballast} and {@code java} are on its PATH
   * @param stdout gets the output while it is written; not closed
   * @param stderr gets the error output while it is written; not closed
   * @return the exit code; 128 + n if signal n ended the command, 127 if it was not found
   * @throws LabException if the lab dies or its time is over
   * @throws IOException if a stream of the caller fails; the command goes on to its end before that
   */
  public int exec(List<String> command, OutputStream stdout, OutputStream stderr)
      throws IOException {
    return run(ShellScript.command(environment, command, false), stdout, stderr);
  }

  /**
   * Like {@link #exec(List, OutputStream, OutputStream)}, with input. It can be given to one
   * command of a session only.
   *
   * @param in read on a thread of its own, which may outlive the command
   */
  public int exec(List<String> command, InputStream in, OutputStream stdout, OutputStream stderr)
      throws IOException {
    Thread.ofVirtual().name("lab-stdin").start(() -> forward(in));
    return run(ShellScript.command(environment, command, true), stdout, stderr);
  }

  /**
   * Copies out what is in {@link #OUT}: directories and regular files.
   *
   * @param into created if there is anything
   */
  public void collect(Path into) throws IOException {
    Optional<OutDisk> disk = machine.outDisk();
    if (disk.isPresent()) {
      archive(ShellScript.archiveToDisk(OUT, disk.get()), OutputStream.nullOutputStream());
      unpack(disk.get().file(), disk.get().offset(), into);
      return;
    }
    Path archive = Files.createTempFile("ballast-lab", ".tar");
    try {
      try (OutputStream out = Files.newOutputStream(archive)) {
        archive(ShellScript.archive(OUT), out);
      }
      unpack(archive, 0, into);
    } finally {
      Files.delete(archive);
    }
  }

  private void archive(String script, OutputStream out) throws IOException {
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    if (run(script, out, errors) != 0) {
      throw new LabException(
          "the lab cannot send " + OUT + ": " + errors.toString(StandardCharsets.UTF_8).strip());
    }
  }

  private static void unpack(Path file, long offset, Path into) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      in.skipNBytes(offset);
      OutFolder.unpack(new BufferedInputStream(in), into);
    }
  }

  /** Stops the lab at once. */
  @Override
  public void close() throws IOException {
    machine.close();
  }

  private Output capture(String script) throws IOException {
    ByteArrayOutputStream stdout = new ByteArrayOutputStream();
    ByteArrayOutputStream stderr = new ByteArrayOutputStream();
    int exitCode = run(script, stdout, stderr);
    return new Output(
        exitCode, stdout.toString(StandardCharsets.UTF_8), stderr.toString(StandardCharsets.UTF_8));
  }

  /** Runs a script in level 1; the protocol is the one of its init. */
  private int run(String script, OutputStream stdout, OutputStream stderr) throws IOException {
    String marker = UUID.randomUUID().toString();
    String request =
        marker
            + " "
            + Base64.getEncoder().encodeToString(script.getBytes(StandardCharsets.UTF_8))
            + "\n";
    FutureTask<Void> out = pump(Port.STDOUT, marker, stdout);
    FutureTask<Void> err = pump(Port.STDERR, marker, stderr);
    String status;
    try {
      machine.output(Port.CONTROL).write(request.getBytes(StandardCharsets.UTF_8));
      status = control.readLine();
    } catch (IOException e) {
      LabException death = machine.died();
      death.addSuppressed(e);
      throw death;
    }
    if (status == null) {
      throw machine.died();
    }
    await(out);
    await(err);
    return Integer.parseInt(status);
  }

  /** Starts to copy what comes out of a port, up to the marker. */
  private FutureTask<Void> pump(Port port, String marker, OutputStream out) {
    MarkedInputStream in =
        new MarkedInputStream(machine.input(port), marker.getBytes(StandardCharsets.UTF_8));
    FutureTask<Void> task =
        new FutureTask<>(
            () -> {
              copy(in, out);
              return null;
            });
    Thread.ofVirtual().name("lab-" + port.label()).start(task);
    return task;
  }

  /** Copies all, each piece as soon as it is there; reads on to the end when writing has failed. */
  private static void copy(InputStream in, OutputStream out) throws IOException {
    byte[] buffer = new byte[BUFFER];
    IOException failure = null;
    int count;
    while ((count = in.read(buffer)) >= 0) {
      if (failure == null) {
        try {
          out.write(buffer, 0, count);
          out.flush();
        } catch (IOException e) {
          failure = e;
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  private static void await(FutureTask<Void> pump) throws IOException {
    try {
      pump.get();
    } catch (ExecutionException e) {
      throw new IOException("cannot pass on the lab's output: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted while the lab was running a command", e);
    }
  }

  private void forward(InputStream in) {
    // Either end may go at any time, and both mean the same: there is no more input.
    try (OutputStream out = machine.output(Port.STDIN)) {
      copy(in, out);
    } catch (IOException e) {
      log.debug("input of the lab ended", e);
    }
  }
}
