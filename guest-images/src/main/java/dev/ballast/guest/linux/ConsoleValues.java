package dev.ballast.guest.linux;

import java.util.HashMap;
import java.util.Map;

/** The {@code key=value} words of a line that the guest wrote; none of it is trusted. */
final class ConsoleValues {
  private final Map<String, String> values;

  private ConsoleValues(Map<String, String> values) {
    this.values = values;
  }

  /** Parses a line; words without a key are skipped. */
  static ConsoleValues parse(String line) {
    Map<String, String> values = new HashMap<>();
    for (String word : line.split(" ", -1)) {
      int equals = word.indexOf('=');
      if (equals > 0) {
        values.put(word.substring(0, equals), word.substring(equals + 1));
      }
    }
    return new ConsoleValues(values);
  }

  /** Returns a copy of the pairs. */
  Map<String, String> asMap() {
    return new HashMap<>(values);
  }

  /** Returns a value that must be there. */
  String string(String key) throws GuestConsoleException {
    String value = values.get(key);
    if (value == null) {
      throw new GuestConsoleException("the guest's reply has no " + key + ": " + values);
    }
    return value;
  }

  /** Returns a value that must be there and a number. */
  long number(String key) throws GuestConsoleException {
    String value = string(key);
    try {
      return Long.parseLong(value);
    } catch (NumberFormatException _) {
      throw new GuestConsoleException("the guest's reply has a bad " + key + ": " + value);
    }
  }
}
