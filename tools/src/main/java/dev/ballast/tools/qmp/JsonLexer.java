package dev.ballast.tools.qmp;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Cuts bytes into tokens of JSON (RFC 8259 §2) and of what QEMU takes besides: strings in single
 * quotes, and {@code \'} in strings. The content of strings and keywords is not checked. One
 * thread.
 */
final class JsonLexer {
  /** A byte that cannot come at this place. */
  static final class StrayByteException extends Exception {
    private static final long serialVersionUID = 1L;

    private StrayByteException(String text) {
      super(text);
    }
  }

  private enum State {
    /** Between tokens. */
    START,
    STRING,
    STRING_ESCAPE,
    KEYWORD,
    NUMBER_SIGN,
    NUMBER_ZERO,
    NUMBER_DIGITS,
    NUMBER_POINT,
    NUMBER_FRACTION,
    NUMBER_E,
    NUMBER_EXPONENT_SIGN,
    NUMBER_EXPONENT
  }

  /** The largest buffer that is kept from one token to the next. */
  private static final int KEPT_BYTES = 16 << 10;

  private final JsonToken[] punctuation = new JsonToken[128];
  private ByteArrayOutputStream text = new ByteArrayOutputStream();
  private State state = State.START;
  private int quote;
  private boolean consumed;

  JsonLexer() {
    for (JsonToken.Kind kind : JsonToken.Kind.values()) {
      char sign =
          switch (kind) {
            case OPEN_BRACE -> '{';
            case CLOSE_BRACE -> '}';
            case OPEN_BRACKET -> '[';
            case CLOSE_BRACKET -> ']';
            case COLON -> ':';
            case COMMA -> ',';
            case STRING, NUMBER, KEYWORD -> 0;
          };
      if (sign != 0) {
        punctuation[sign] = new JsonToken(kind, String.valueOf(sign));
      }
    }
  }

  /**
   * Takes a byte.
   *
   * @return the token that ends with it, or before it: see {@link #hasConsumed}; null if none does
   * @throws StrayByteException with the token up to and with the byte; {@link #reset} is next
   */
  @Nullable JsonToken accept(byte next) throws StrayByteException {
    int value = Byte.toUnsignedInt(next);
    consumed = true;
    State before = state;
    State after = after(before, value);
    if (after == null) {
      if (isComplete(before, value)) {
        consumed = false;
        return take(
            before == State.KEYWORD ? JsonToken.Kind.KEYWORD : JsonToken.Kind.NUMBER, State.START);
      }
      text.write(value);
      throw new StrayByteException(drain());
    }
    state = after;
    if (before == State.START && after == State.START) {
      return value < punctuation.length ? punctuation[value] : null;
    }
    text.write(value);
    if (before == State.START && after == State.STRING) {
      quote = value;
    }
    return after == State.START ? take(JsonToken.Kind.STRING, after) : null;
  }

  /** Returns whether the last byte is a part of what {@link #accept} returned for it. */
  boolean hasConsumed() {
    return consumed;
  }

  /** Returns whether a token has begun. */
  boolean isInToken() {
    return state != State.START;
  }

  /** Returns the quotation mark that the string began with that is being read; 0 outside. */
  int quote() {
    return state == State.STRING || state == State.STRING_ESCAPE ? quote : 0;
  }

  /** Forgets the token that has begun. */
  void reset() {
    state = State.START;
    drain();
  }

  private @Nullable State after(State from, int value) {
    return switch (from) {
      case START -> start(value);
      case STRING ->
          value == quote
              ? State.START
              : value == '\\' ? State.STRING_ESCAPE : inString(value, State.STRING);
      case STRING_ESCAPE -> inString(value, State.STRING);
      case KEYWORD -> isLetter(value) ? State.KEYWORD : null;
      case NUMBER_SIGN -> value == '0' ? State.NUMBER_ZERO : digit(value, State.NUMBER_DIGITS);
      case NUMBER_ZERO -> pointOrExponent(value);
      case NUMBER_DIGITS -> isDigit(value) ? State.NUMBER_DIGITS : pointOrExponent(value);
      case NUMBER_POINT -> digit(value, State.NUMBER_FRACTION);
      case NUMBER_FRACTION -> isExponent(value) ? State.NUMBER_E : digit(value, from);
      case NUMBER_E ->
          value == '+' || value == '-'
              ? State.NUMBER_EXPONENT_SIGN
              : digit(value, State.NUMBER_EXPONENT);
      case NUMBER_EXPONENT_SIGN, NUMBER_EXPONENT -> digit(value, State.NUMBER_EXPONENT);
    };
  }

  private static @Nullable State start(int value) {
    return switch (value) {
      case ' ', '\t', '\r', '\n', '{', '}', '[', ']', ':', ',' -> State.START;
      case '"', '\'' -> State.STRING;
      case '-' -> State.NUMBER_SIGN;
      case '0' -> State.NUMBER_ZERO;
      default -> isLetter(value) ? State.KEYWORD : digit(value, State.NUMBER_DIGITS);
    };
  }

  private static @Nullable State pointOrExponent(int value) {
    return value == '.' ? State.NUMBER_POINT : isExponent(value) ? State.NUMBER_E : null;
  }

  private static @Nullable State digit(int value, State next) {
    return isDigit(value) ? next : null;
  }

  /** Bytes of UTF-8 that are no control characters; 0xFE and 0xFF are none. */
  private static @Nullable State inString(int value, State next) {
    return value >= 0x20 && value < 0xfe ? next : null;
  }

  private static boolean isDigit(int value) {
    return value >= '0' && value <= '9';
  }

  private static boolean isLetter(int value) {
    return value >= 'a' && value <= 'z';
  }

  private static boolean isExponent(int value) {
    return value == 'e' || value == 'E';
  }

  /** A number or a keyword is over only when something comes that is no part of it. */
  private static boolean isComplete(State state, int next) {
    return switch (state) {
      case KEYWORD, NUMBER_DIGITS, NUMBER_FRACTION, NUMBER_EXPONENT -> true;
      case NUMBER_ZERO -> !isDigit(next);
      case START,
          STRING,
          STRING_ESCAPE,
          NUMBER_SIGN,
          NUMBER_POINT,
          NUMBER_E,
          NUMBER_EXPONENT_SIGN ->
          false;
    };
  }

  private JsonToken take(JsonToken.Kind kind, State next) {
    state = next;
    return new JsonToken(kind, drain());
  }

  private String drain() {
    String token = text.toString(StandardCharsets.ISO_8859_1);
    if (text.size() > KEPT_BYTES) {
      text = new ByteArrayOutputStream();
    } else {
      text.reset();
    }
    return token;
  }
}
