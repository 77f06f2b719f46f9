package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which machine a command is for. */
final class QmpOption {
  private static final String UNIX = "unix:";

  /** What QEMU takes besides, as {@code tcp:HOST:PORT}. */
  private static final Pattern OTHER_KIND = Pattern.compile("[a-z0-9-]+:");

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

  /** Takes a path with and without "unix:", and {@link UnixSocketPath its options}. */
  static final class PathConverter implements ITypeConverter<Path> {
    @Override
    public Path convert(String value) {
      if (!value.startsWith(UNIX) && OTHER_KIND.matcher(value).lookingAt()) {
        throw new TypeConversionException(
            "'" + value + "' is no socket here: write unix:PATH, or ./PATH for a path like this");
      }
      return UnixSocketPath.parse(value.startsWith(UNIX) ? value.substring(UNIX.length()) : value);
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
