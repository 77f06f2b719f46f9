package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.List;

/**
 * Parses a value out of tokens. Its errors have QEMU's wording, which some clients match. The
 * tokens are to be those of one value whose depth is bounded.
 */
final class JsonParser {
  /** No number of the protocol is longer, and long ones are slow to parse. */
  private static final int MAX_NUMBER_LENGTH = 1000;

  /** So many digits always fit into a long. */
  private static final int LONG_DIGITS = 18;

  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private final List<JsonToken> tokens;
  private int at;

  private JsonParser(List<JsonToken> tokens) {
    this.tokens = tokens;
  }

  /**
   * Parses the value.
   *
   * @throws QmpException that says what is wrong
   */
  static JsonNode parse(List<JsonToken> tokens) throws QmpException {
    return new JsonParser(tokens).value();
  }

  static QmpException error(String what) {
    return QmpException.generic("JSON parse error, " + what);
  }

  private JsonToken next() throws QmpException {
    if (at == tokens.size()) {
      throw error("premature EOI");
    }
    return tokens.get(at++);
  }

  /** Skips the next token if it is of that kind; returns whether it was. */
  private boolean passes(JsonToken.Kind kind) {
    boolean there = at < tokens.size() && tokens.get(at).kind() == kind;
    at += there ? 1 : 0;
    return there;
  }

  private JsonNode value() throws QmpException {
    JsonToken token = next();
    return switch (token.kind()) {
      case OPEN_BRACE -> object();
      case OPEN_BRACKET -> array();
      case STRING -> NODES.textNode(JsonStrings.decode(token.text()));
      case NUMBER -> number(token.text());
      case KEYWORD -> keyword(token.text());
      case CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA -> throw error("expecting value");
    };
  }

  private ObjectNode object() throws QmpException {
    ObjectNode object = NODES.objectNode();
    if (passes(JsonToken.Kind.CLOSE_BRACE)) {
      return object;
    }
    while (true) {
      JsonNode key = value();
      if (!key.isTextual()) {
        throw error("key is not a string in object");
      }
      if (!passes(JsonToken.Kind.COLON)) {
        throw error("missing : in object pair");
      }
      JsonNode value = value();
      if (object.has(key.textValue())) {
        throw error("duplicate key");
      }
      object.set(key.textValue(), value);
      if (passes(JsonToken.Kind.CLOSE_BRACE)) {
        return object;
      }
      if (!passes(JsonToken.Kind.COMMA)) {
        throw error("expected separator in dict");
      }
    }
  }

  private ArrayNode array() throws QmpException {
    ArrayNode array = NODES.arrayNode();
    if (passes(JsonToken.Kind.CLOSE_BRACKET)) {
      return array;
    }
    while (true) {
      array.add(value());
      if (passes(JsonToken.Kind.CLOSE_BRACKET)) {
        return array;
      }
      if (!passes(JsonToken.Kind.COMMA)) {
        throw error("expected separator in list");
      }
    }
  }

  private static JsonNode keyword(String text) throws QmpException {
    return switch (text) {
      case "true" -> NODES.booleanNode(true);
      case "false" -> NODES.booleanNode(false);
      case "null" -> NODES.nullNode();
      default -> throw error("invalid keyword '" + text + "'");
    };
  }

  private static JsonNode number(String text) throws QmpException {
    boolean integer = text.chars().noneMatch(sign -> sign == '.' || sign == 'e' || sign == 'E');
    if (integer && text.length() <= LONG_DIGITS) {
      return NODES.numberNode(Long.parseLong(text));
    }
    if (text.length() > MAX_NUMBER_LENGTH) {
      throw error("a number is longer than " + MAX_NUMBER_LENGTH + " characters");
    }
    try {
      return integer ? integer(text) : decimal(text);
    } catch (NumberFormatException e) {
      throw error("number '" + text + "' is out of range");
    }
  }

  private static JsonNode integer(String text) {
    try {
      return NODES.numberNode(Long.parseLong(text));
    } catch (NumberFormatException e) {
      return decimal(text);
    }
  }

  /** Not a double: that would round what is only to be sent back, or make it infinite. */
  private static JsonNode decimal(String text) {
    return NODES.numberNode(new BigDecimal(text));
  }
}
