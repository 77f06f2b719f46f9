package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import dev.ballast.tools.qmp.QmpProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/** A process of either VMM with the bare guest, or with room for it. One thread. */
final class VmmProcess implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
  private static final Duration END_TIMEOUT = Duration.ofSeconds(60);

  private final QmpProcess vmm;
  private final BareGuestConsole console;

  private VmmProcess(QmpProcess vmm) {
    this.vmm = vmm;
    this.console =
        new BareGuestConsole(vmm.process().getInputStream(), vmm.process().getOutputStream());
  }

  /**
   * Starts a process and waits until it can be steered.
   *
   * @param contestant whose
   * @param workspace for its socket and its messages
   * @param name of the process, another one for each in the workspace
   * @param memoryBytes RAM of the guest
   * @param role what it is for
   * @throws IOException if it does not start, with what it wrote
   */
  static VmmProcess start(
      Vmm contestant, Workspace workspace, String name, long memoryBytes, Vmm.Role role)
      throws IOException, InterruptedException {
    Path socket = workspace.resolve(name + ".qmp");
    Path errors = workspace.resolve(name + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(contestant.command(workspace.kernel(), socket, memoryBytes, role))
            .redirectError(errors.toFile());
    return new VmmProcess(
        QmpProcess.start(contestant.name() + " " + name, builder, socket, errors, START_TIMEOUT));
  }

  /** Returns the guest's serial line. */
  BareGuestConsole console() {
    return console;
  }

  JsonNode query(String command) throws IOException {
    return vmm.query(command);
  }

  JsonNode query(String command, ObjectNode arguments) throws IOException {
    return vmm.query(command, arguments);
  }

  /** Runs a command; tells whether the process knew what to do with it. */
  boolean accepts(String command, ObjectNode arguments) throws IOException {
    try {
      vmm.query(command, arguments);
      return true;
    } catch (IOException e) {
      if (e.getCause() instanceof QmpException) {
        return false;
      }
      throw e;
    }
  }

  /** Tells whether it can migrate over several connections. */
  boolean hasMultifd() throws IOException {
    for (JsonNode capability : query("query-migrate-capabilities")) {
      if (capability.path("capability").asText().equals("multifd")) {
        return true;
      }
    }
    return false;
  }

  /** Brings the guest to a size outside the balloon. */
  void balloon(long bytes, Duration timeout) throws IOException, InterruptedException {
    vmm.balloon(bytes, timeout);
  }

  /** Returns the guest's memory outside the balloon in bytes. */
  long actualBytes() throws IOException {
    return vmm.actualBytes();
  }

  /** Returns the id of the process. */
  long pid() {
    return vmm.process().pid();
  }

  /** Lets time go by, as long as the process lives. */
  void pause(long millis) throws IOException, InterruptedException {
    vmm.pause(millis);
  }

  /** Returns resident memory in bytes, shared pages too. */
  long residentBytes() throws IOException {
    return vmm.residentBytes();
  }

  /** Ends the process; by force if it does not want to, since another one needs its memory. */
  @Override
  public void close() throws IOException {
    Process process = vmm.process();
    try (QmpClient qmp = vmm.qmp();
        console) {
      qmp.command("quit");
    } catch (IOException | QmpException e) {
      process.destroyForcibly();
    }
    try {
      if (!process.waitFor(END_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
