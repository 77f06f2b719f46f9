package dev.ballast.tools.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.TypeConversionException;

/** Options of the form {@code name=on,name=off}. */
final class OnOffOptions {
  private OnOffOptions() {}

  /**
   * Parses a list of switches.
   *
   * @param text as the user wrote it
   * @param defaults every name there is, and what holds when it is not given
   * @return every name and what holds
   */
  static Map<String, Boolean> parse(String text, Map<String, Boolean> defaults) {
    Map<String, Boolean> switches = new LinkedHashMap<>(defaults);
    for (String part : text.split(",", -1)) {
      int equals = part.indexOf('=');
      String name = equals < 0 ? part : part.substring(0, equals);
      if (!defaults.containsKey(name)) {
        throw new TypeConversionException(
            "'" + name + "' is none of " + String.join(", ", defaults.keySet()));
      }
      switches.put(name, isOn(name, equals < 0 ? "" : part.substring(equals + 1)));
    }
    return switches;
  }

  /** Parses the value of the switch {@code name}. */
  static boolean isOn(String name, String value) {
    return switch (value) {
      case "on" -> true;
      case "off" -> false;
      default ->
          throw new TypeConversionException(
              "'" + name + "' is to be " + name + "=on or " + name + "=off");
    };
  }
}
