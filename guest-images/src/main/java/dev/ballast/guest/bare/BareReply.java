package dev.ballast.guest.bare;

import java.util.HashMap;
import java.util.Map;

/**
 * The guest's reply to a command.
 *
 * @param ok whether the command was carried out
 * @param text the words after {@code BARE ok COMMAND} or {@code BARE err COMMAND}
 * @param values those of the words that are {@code key=value}
 */
public record BareReply(boolean ok, String text, Map<String, String> values) {
  /** Keeps a copy of the values. */
  public BareReply {
    values = Map.copyOf(values);
  }

  /** Reads the words after {@code BARE ok COMMAND}; others are left out of the values. */
  public static BareReply parse(boolean ok, String text) {
    Map<String, String> values = new HashMap<>();
    for (String word : text.split(" ", -1)) {
      int equals = word.indexOf('=');
      if (equals > 0) {
        values.put(word.substring(0, equals), word.substring(equals + 1));
      }
    }
    return new BareReply(ok, text, values);
  }

  /**
   * Returns a value of the reply as a string.
   *
   * @throws BareGuestException if it has none of that name
   */
  public String string(String key) throws BareGuestException {
    String value = values.get(key);
    if (value == null) {
      throw new BareGuestException("there is no " + key + " in the reply: " + text);
    }
    return value;
  }

  /**
   * Returns a value of the reply, decimal or {@code 0x} hexadecimal, as a 64-bit number that may be
   * unsigned.
   *
   * @throws BareGuestException if it has none of that name, or another kind of value
   */
  public long number(String key) throws BareGuestException {
    String value = string(key);
    try {
      return value.startsWith("0x")
          ? Long.parseUnsignedLong(value, 2, value.length(), 16)
          : Long.parseUnsignedLong(value);
    } catch (NumberFormatException _) {
      throw new BareGuestException("there is a bad " + key + " in the reply: " + text);
    }
  }
}
