package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** Which machine a command is for. */
final class QmpOption {
  private static final String UNIX = "unix:";

  @Option(
      names = "--qmp",
      required = true,
      paramLabel = "unix:PATH",
      defaultValue = "${env:BALLAST_QMP}",
      converter = PathConverter.class,
      description = "QMP socket of the machine (default: the value of BALLAST_QMP).")
  private Path path;

  // Picocli sets the field.
  @SuppressWarnings("NullAway.Init")
  QmpOption() {}

  /** Takes a path with and without "unix:". */
  static final class PathConverter implements ITypeConverter<Path> {
    @Override
    public Path convert(String value) {
      return Path.of(value.startsWith(UNIX) ? value.substring(UNIX.length()) : value);
    }
  }

  QmpClient connect() throws IOException {
    return QmpClient.connect(path);
  }

  /** Connects, runs one command and returns its result. */
  JsonNode command(String name, ObjectNode arguments) throws IOException, QmpException {
    try (QmpClient client = connect()) {
      return client.command(name, arguments);
    }
  }
}
