package dev.ballast.tools.cli;

import dev.ballast.migration.channel.MigrationUri;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The {@code PATH} of {@code unix:PATH} as QEMU's users write it: options may follow after commas,
 * and two commas are one in the path. The options that say what holds here anyway are taken, the
 * others are refused: none becomes a part of the path.
 */
final class UnixSocketPath {
  private static final Set<String> AS_IT_IS = Set.of("server=on", "server", "wait=off", "nowait");
  private static final Set<String> WAITS = Set.of("wait=on", "wait");
  private static final Set<String> CONNECTS = Set.of("server=off", "noserver");

  private UnixSocketPath() {}

  /**
   * Parses what follows {@code unix:}.
   *
   * @throws TypeConversionException that says what is wrong
   */
  static Path parse(String text) {
    List<String> parts = split(text);
    for (String option : parts.subList(1, parts.size())) {
      check(option);
    }
    if (parts.getFirst().isEmpty()) {
      throw new TypeConversionException("'" + text + "' has no path: write unix:PATH");
    }
    return Path.of(parts.getFirst());
  }

  private static List<String> split(String text) {
    List<String> parts = new ArrayList<>();
    StringBuilder part = new StringBuilder();
    for (int at = 0; at < text.length(); at++) {
      char sign = text.charAt(at);
      if (sign != ',') {
        part.append(sign);
      } else if (text.startsWith(",,", at)) {
        part.append(sign);
        at++;
      } else {
        parts.add(part.toString());
        part.setLength(0);
      }
    }
    parts.add(part.toString());
    return parts;
  }

  private static void check(String option) {
    if (WAITS.contains(option)) {
      throw new TypeConversionException(
          "'"
              + option
              + "': the guest does not wait for a client; leave it out, or write wait=off");
    }
    if (CONNECTS.contains(option)) {
      throw new TypeConversionException(
          "'" + option + "': Ballast makes the socket and listens there; leave it out");
    }
    if (!AS_IT_IS.contains(option)) {
      throw new TypeConversionException(
          "'"
              + option
              + "' is no option of a socket: there are server=on and wait=off;"
              + " write ',,' for a comma in a path");
    }
  }

  /**
   * Lets picocli take the URI of a migration, or {@code defer}, as it is: as in QEMU, all that
   * follows {@code unix:} is its path. What looks like the options of another socket is refused, as
   * nobody means it.
   */
  static final class UriConverter implements ITypeConverter<String> {
    @Override
    public String convert(String value) {
      for (String part : value.startsWith("unix:") ? value.split(",", -1) : new String[0]) {
        if (AS_IT_IS.contains(part) || WAITS.contains(part) || CONNECTS.contains(part)) {
          throw new TypeConversionException(
              "'" + value + "': the URI of a migration takes no options; leave out ," + part);
        }
      }
      if (!value.equals(RunCommand.DEFER)) {
        try {
          MigrationUri.parse(value);
        } catch (IllegalArgumentException e) {
          throw new TypeConversionException(String.valueOf(e.getMessage()));
        }
      }
      return value;
    }
  }
}
