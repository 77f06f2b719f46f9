package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Map;
import java.util.Random;

/** Values at random, and ways to write them that QEMU reads. */
final class RandomJson {
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
  private static final String SIGNS =
      "ab{}[]:,\"'\\/ \b\f\n\r\t\u0000\u007f\u00e4\u20ac\ud83d\ude00";

  private RandomJson() {}

  /** Returns a value with at most so many values in one another. */
  static JsonNode value(Random random, int depth) {
    return switch (random.nextInt(depth > 0 ? 9 : 7)) {
      case 0 -> NODES.nullNode();
      case 1 -> NODES.booleanNode(random.nextBoolean());
      case 2 -> NODES.numberNode(random.nextLong() >> random.nextInt(64));
      case 3 -> NODES.numberNode(new BigDecimal(new BigInteger(100, random)));
      case 4 -> NODES.numberNode(new BigDecimal(new BigInteger(60, random), random.nextInt(-9, 9)));
      case 5, 6 -> NODES.textNode(text(random));
      case 7 -> {
        ArrayNode array = NODES.arrayNode();
        for (int i = random.nextInt(4); i > 0; i--) {
          array.add(value(random, depth - 1));
        }
        yield array;
      }
      default -> {
        ObjectNode object = NODES.objectNode();
        for (int i = random.nextInt(4); i > 0; i--) {
          object.set(text(random), value(random, depth - 1));
        }
        yield object;
      }
    };
  }

  private static String text(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(6); i > 0; i--) {
      text.appendCodePoint(
          SIGNS.codePointAt(
              SIGNS.offsetByCodePoints(
                  0, random.nextInt(SIGNS.codePointCount(0, SIGNS.length())))));
    }
    return text.toString();
  }

  /** Writes a value with space, quotation marks and escapes at random. */
  static String write(JsonNode value, Random random) {
    StringBuilder text = new StringBuilder();
    write(value, random, text);
    return text.toString();
  }

  private static void write(JsonNode value, Random random, StringBuilder to) {
    space(random, to);
    switch (value) {
      case ObjectNode object -> {
        String separator = "{";
        for (Map.Entry<String, JsonNode> member : object.properties()) {
          to.append(separator);
          space(random, to);
          string(member.getKey(), random, to);
          space(random, to);
          to.append(':');
          write(member.getValue(), random, to);
          separator = ",";
        }
        to.append(object.isEmpty() ? "{" : "");
        space(random, to);
        to.append('}');
      }
      case ArrayNode array -> {
        String separator = "[";
        for (JsonNode element : array) {
          to.append(separator);
          write(element, random, to);
          separator = ",";
        }
        to.append(array.isEmpty() ? "[" : "");
        space(random, to);
        to.append(']');
      }
      default -> {
        if (value.isTextual()) {
          string(value.textValue(), random, to);
        } else {
          to.append(value);
        }
      }
    }
    space(random, to);
  }

  private static void space(Random random, StringBuilder to) {
    for (int i = random.nextInt(5) - 2; i > 0; i--) {
      to.append(" \t\r\n".charAt(random.nextInt(4)));
    }
  }

  private static void string(String string, Random random, StringBuilder to) {
    char quote = random.nextBoolean() ? '"' : '\'';
    to.append(quote);
    for (int i = 0; i < string.length(); i++) {
      char sign = string.charAt(i);
      int named = "\b\f\n\r\t".indexOf(sign);
      boolean mustEscape = sign == quote || sign == '\\' || sign < ' ';
      boolean mayEscape = "\"'\\/".indexOf(sign) >= 0;
      if ((random.nextInt(8) == 0 && !Character.isSurrogate(sign))
          || (mustEscape && named < 0 && !mayEscape)) {
        to.append("\\u%04x".formatted((int) sign));
      } else if (named >= 0) {
        to.append('\\').append("bfnrt".charAt(named));
      } else {
        to.append(mustEscape || (mayEscape && random.nextBoolean()) ? "\\" : "").append(sign);
      }
    }
    to.append(quote);
  }
}
