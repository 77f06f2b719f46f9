package dev.ballast.tools.qmp;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/** A machine without a guest and the server that its clients find at a socket, for one test. */
final class ServedMachine implements BeforeEachCallback, AfterEachCallback {
  final FakeMachine machine = new FakeMachine();
  private Path directory = Path.of("");
  private QmpServer server;

  // Made anew before each test.
  @SuppressWarnings("NullAway.Init")
  ServedMachine() {}

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    directory = Files.createTempDirectory("qmp");
    server = QmpServer.start(machine, socket());
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException {
    server.close();
    try (var left = Files.list(directory)) {
      for (Path file : left.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  /** Returns where clients find the machine, in a directory with nothing else in it. */
  Path socket() {
    return directory.resolve("qmp");
  }

  QmpServer server() {
    return server;
  }

  /** Connects a client that has not negotiated. */
  RawClient connect() throws IOException {
    return new RawClient(socket());
  }

  /** Connects a client that has negotiated. */
  RawClient negotiated() throws IOException {
    return RawClient.negotiated(socket());
  }
}
