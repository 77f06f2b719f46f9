package dev.ballast.tools.qmp;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Decodes JSON strings. */
final class JsonStrings {
  private static final int HEX_DIGITS = 4;

  private JsonStrings() {}

  /**
   * Decodes a string.
   *
   * @param token its bytes with the quotation marks, one a character
   * @throws QmpException if there is a wrong escape, half of a surrogate pair, or no UTF-8
   */
  static String decode(String token) throws QmpException {
    StringBuilder string = new StringBuilder(token.length());
    int at = 1;
    int end = token.length() - 1;
    while (at < end) {
      int escape = token.indexOf('\\', at);
      if (escape < 0) {
        escape = end;
      }
      string.append(utf8(token.substring(at, escape)));
      at = escape;
      if (at < end) {
        at = unescape(token, at + 1, string);
      }
    }
    return string.toString();
  }

  /** Text of bytes, one a character, as far as they are UTF-8, for a message. */
  static String lossy(String bytes) {
    return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }

  private static String utf8(String bytes) throws QmpException {
    // The one sequence of two bytes for U+0000 that QEMU takes besides UTF-8.
    String strict = bytes.replace("\u00c0\u0080", "\0");
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(strict.getBytes(StandardCharsets.ISO_8859_1)))
          .toString();
    } catch (CharacterCodingException e) {
      throw JsonParser.error("invalid UTF-8 sequence in string");
    }
  }

  /** Appends the character of an escape; returns where the escape ends. */
  private static int unescape(String token, int at, StringBuilder string) throws QmpException {
    char sign = token.charAt(at);
    switch (sign) {
      case '"', '\'', '\\', '/' -> string.append(sign);
      case 'b' -> string.append('\b');
      case 'f' -> string.append('\f');
      case 'n' -> string.append('\n');
      case 'r' -> string.append('\r');
      case 't' -> string.append('\t');
      case 'u' -> {
        return unicode(token, at + 1, string);
      }
      default -> throw JsonParser.error("invalid escape sequence in string");
    }
    return at + 1;
  }

  /** Appends the character of one escape, or of two that are a surrogate pair. */
  private static int unicode(String token, int at, StringBuilder string) throws QmpException {
    int first = hex(token, at);
    int end = at + HEX_DIGITS;
    if (first >= 0 && !isSurrogate(first)) {
      string.append((char) first);
      return end;
    }
    int second = first >= 0 && token.startsWith("\\u", end) ? hex(token, end + 2) : -1;
    if (second < 0 || !Character.isSurrogatePair((char) first, (char) second)) {
      throw JsonParser.error(
          "\\u"
              + lossy(token.substring(at, Math.min(end, token.length())))
              + " is not a valid Unicode character");
    }
    string.append((char) first).append((char) second);
    return end + 2 + HEX_DIGITS;
  }

  private static boolean isSurrogate(int value) {
    return Character.isSurrogate((char) value);
  }

  /** Returns the value of four hexadecimal digits, or -1 if they are none. */
  private static int hex(String token, int at) {
    if (at + HEX_DIGITS > token.length()) {
      return -1;
    }
    int value = 0;
    for (int i = at; i < at + HEX_DIGITS; i++) {
      int digit = Character.digit(token.charAt(i), 16);
      if (digit < 0) {
        return -1;
      }
      value = value << 4 | digit;
    }
    return value;
  }
}
