package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;

/** Converts JSON values to messages. */
final class Json {
  private Json() {}

  static ObjectNode object() {
    return JsonNodeFactory.instance.objectNode();
  }

  /** Returns a value as one line of UTF-8 that ends in CRLF. */
  static byte[] line(JsonNode value) {
    return (value + "\r\n").getBytes(StandardCharsets.UTF_8);
  }
}
