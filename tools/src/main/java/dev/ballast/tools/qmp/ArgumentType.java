package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/** The type of an argument of a command, of its result or of an event's data. */
sealed interface ArgumentType {
  /**
   * An integer.
   *
   * @param min the smallest
   * @param max the largest
   */
  record Int(long min, long max) implements ArgumentType {}

  /** A string. */
  record Str() implements ArgumentType {}

  /** {@code true} or {@code false}. */
  record Bool() implements ArgumentType {}

  /** Any value; the command checks it. */
  record Any() implements ArgumentType {}

  /**
   * One of several strings.
   *
   * @param values all of them
   */
  record OneOf(List<String> values) implements ArgumentType {}

  /**
   * An array.
   *
   * @param element the type of each element
   */
  record ArrayOf(ArgumentType element) implements ArgumentType {}

  /**
   * An object.
   *
   * @param members those that it may have
   */
  record Struct(List<Argument> members) implements ArgumentType {
    /** Without members. */
    static final Struct EMPTY = new Struct(List.of());

    /** Returns an object type with these members. */
    static Struct of(Argument... members) {
      return new Struct(List.of(members));
    }
  }

  /**
   * A named value.
   *
   * @param name the name
   * @param type its type
   * @param required whether it must be there
   */
  record Argument(String name, ArgumentType type, boolean required) {
    static Argument required(String name, ArgumentType type) {
      return new Argument(name, type, true);
    }

    static Argument optional(String name, ArgumentType type) {
      return new Argument(name, type, false);
    }
  }

  /**
   * Checks a value.
   *
   * @param path where the value is, for messages; empty for the arguments as a whole
   * @throws QmpException that says what is wrong
   */
  default void check(String path, JsonNode value) throws QmpException {
    switch (this) {
      case Int(long min, long max) -> {
        expect(value.isIntegralNumber() && value.canConvertToLong(), path, "integer");
        long number = value.longValue();
        if (number < min || number > max) {
          throw QmpException.generic(
              "Parameter '%s' expects an integer in the range of %d to %d"
                  .formatted(path, min, max));
        }
      }
      case Str() -> expect(value.isTextual(), path, "string");
      case Bool() -> expect(value.isBoolean(), path, "boolean");
      case Any() -> {
        // The command checks it.
      }
      case OneOf(List<String> values) -> {
        expect(value.isTextual(), path, "string");
        if (!values.contains(value.textValue())) {
          throw QmpException.generic(
              "Parameter '%s' does not accept value '%s'".formatted(path, value.textValue()));
        }
      }
      case ArrayOf(ArgumentType element) -> {
        expect(value.isArray(), path, "array");
        for (int i = 0; i < value.size(); i++) {
          element.check(path + "[" + i + "]", value.get(i));
        }
      }
      case Struct(List<Argument> members) -> {
        expect(value.isObject(), path, "object");
        checkMembers(path.isEmpty() ? "" : path + ".", value, members);
      }
    }
  }

  private static void checkMembers(String prefix, JsonNode value, List<Argument> members)
      throws QmpException {
    for (Argument member : members) {
      String path = prefix + member.name();
      if (value.has(member.name())) {
        member.type().check(path, value.get(member.name()));
      } else if (member.required()) {
        throw QmpException.generic("Parameter '" + path + "' is missing");
      }
    }
    for (Map.Entry<String, JsonNode> entry : value.properties()) {
      if (members.stream().noneMatch(member -> member.name().equals(entry.getKey()))) {
        throw QmpException.generic("Parameter '" + prefix + entry.getKey() + "' is unexpected");
      }
    }
  }

  private static void expect(boolean condition, String path, String type) throws QmpException {
    if (!condition) {
      throw QmpException.generic("Invalid parameter type for '" + path + "', expected: " + type);
    }
  }
}
