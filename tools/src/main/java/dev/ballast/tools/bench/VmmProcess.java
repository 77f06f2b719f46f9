package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.guest.bare.BareReply;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import dev.ballast.tools.qmp.QmpProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * A process of either VMM with the bare guest, or with room for it. One thread.
 *
 * @param control its QMP socket and what is known of the process
 * @param console the guest's serial line
 */
record VmmProcess(QmpProcess control, BareGuestConsole console) implements AutoCloseable {
  private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
  private static final Duration READY_TIMEOUT = Duration.ofMinutes(1);
  private static final Duration COMMAND_TIMEOUT = Duration.ofMinutes(5);
  private static final Duration END_TIMEOUT = Duration.ofSeconds(60);

  /**
   * Starts a process and waits until its QMP socket answers.
   *
   * @param name of the process, another one for each in the workspace
   * @throws IOException if it does not start, with what it wrote
   */
  static VmmProcess start(
      Vmm vmm, Workspace workspace, String name, long memoryBytes, Vmm.Role role)
      throws IOException, InterruptedException {
    Path socket = workspace.resolve(name + ".qmp");
    Path errors = workspace.resolve(name + ".log");
    ProcessBuilder builder =
        new ProcessBuilder(vmm.command(workspace.kernel(), socket, memoryBytes, role))
            .redirectError(errors.toFile());
    QmpProcess control =
        QmpProcess.start(vmm.name() + " " + name, builder, socket, errors, START_TIMEOUT);
    Process process = control.process();
    return new VmmProcess(
        control, new BareGuestConsole(process.getInputStream(), process.getOutputStream()));
  }

  void awaitReady() throws IOException, InterruptedException {
    console.awaitReady(READY_TIMEOUT);
  }

  BareReply send(String command) throws IOException, InterruptedException {
    return console.send(command, COMMAND_TIMEOUT);
  }

  /** Brings the guest to a size outside the balloon. */
  void balloon(long bytes) throws IOException, InterruptedException {
    control.balloon(bytes, COMMAND_TIMEOUT);
  }

  /** Runs a QMP command; returns whether the process knew what to do with it. */
  boolean accepts(String command, ObjectNode arguments) throws IOException {
    try {
      control.query(command, arguments);
      return true;
    } catch (IOException e) {
      if (e.getCause() instanceof QmpException) {
        return false;
      }
      throw e;
    }
  }

  /** Returns whether it can migrate over several connections. */
  boolean hasMultifd() throws IOException {
    return control
        .query("query-migrate-capabilities")
        .findValuesAsText("capability")
        .contains("multifd");
  }

  /** Ends the process; by force if it does not want to, since another one needs its memory. */
  @Override
  public void close() throws IOException {
    try (QmpClient qmp = control.qmp();
        console) {
      qmp.command("quit");
    } catch (IOException | QmpException e) {
      control.process().destroyForcibly();
    }
    awaitEnd(control.process(), END_TIMEOUT);
  }

  /** Waits for the end of a process that was told to end; forces it to when time is up. */
  static void awaitEnd(Process process, Duration timeout) {
    process
        .onExit()
        .completeOnTimeout(process, timeout.toMillis(), TimeUnit.MILLISECONDS)
        .thenCompose(late -> late.destroyForcibly().onExit())
        .join();
  }
}
