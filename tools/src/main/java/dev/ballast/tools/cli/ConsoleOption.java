package dev.ballast.tools.cli;

import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** The value of {@code --console}: where the guest's serial port goes. */
sealed interface ConsoleOption {
  /** Standard input and output of Ballast. */
  record Stdio() implements ConsoleOption {}

  /** Nowhere. */
  record Null() implements ConsoleOption {}

  /** A new pseudoterminal, whose name is printed. */
  record Pty() implements ConsoleOption {}

  /**
   * A file, which is emptied first; there is no input.
   *
   * @param path the file
   */
  record ToFile(Path path) implements ConsoleOption {}

  /**
   * A socket for one client after the other.
   *
   * @param path the socket
   */
  record Unix(Path path) implements ConsoleOption {}

  /** Lets picocli parse it. */
  final class Converter implements ITypeConverter<ConsoleOption> {
    @Override
    public ConsoleOption convert(String value) {
      int colon = value.indexOf(':');
      String kind = colon < 0 ? value : value.substring(0, colon);
      String path = colon < 0 ? "" : value.substring(colon + 1);
      boolean takesPath = kind.equals("file") || kind.equals("unix");
      if (takesPath == path.isEmpty()) {
        throw new TypeConversionException(
            "'" + value + "' is none of stdio, null, pty, file:PATH, unix:PATH");
      }
      return switch (kind) {
        case "stdio" -> new Stdio();
        case "null" -> new Null();
        case "pty" -> new Pty();
        case "file" -> new ToFile(Path.of(path));
        case "unix" -> new Unix(UnixSocketPath.parse(path));
        default ->
            throw new TypeConversionException(
                "'" + value + "' is none of stdio, null, pty, file:PATH, unix:PATH");
      };
    }
  }
}
