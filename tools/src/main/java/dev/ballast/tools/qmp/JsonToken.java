package dev.ballast.tools.qmp;

/**
 * A token of JSON.
 *
 * @param kind its kind
 * @param text its bytes as they came, one a character: of a string with its quotes and escapes
 */
record JsonToken(Kind kind, String text) {
  /** The kinds of tokens. */
  enum Kind {
    OPEN_BRACE,
    CLOSE_BRACE,
    OPEN_BRACKET,
    CLOSE_BRACKET,
    COLON,
    COMMA,
    STRING,
    NUMBER,
    /** Lower-case letters, of which {@code true}, {@code false} and {@code null} mean something. */
    KEYWORD
  }
}
