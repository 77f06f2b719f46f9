package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.ArgumentType.Any;
import dev.ballast.tools.qmp.ArgumentType.Argument;
import dev.ballast.tools.qmp.ArgumentType.ArrayOf;
import dev.ballast.tools.qmp.ArgumentType.Bool;
import dev.ballast.tools.qmp.ArgumentType.Int;
import dev.ballast.tools.qmp.ArgumentType.OneOf;
import dev.ballast.tools.qmp.ArgumentType.Str;
import dev.ballast.tools.qmp.ArgumentType.Struct;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * Describes commands and events as {@code query-qmp-schema} does (QEMU's "Client JSON Protocol
 * introspection"): types that are not built in have numbers for names, and a type that is used
 * twice is described once. Ranges of integers are left out, as in QEMU.
 */
final class Schema {
  private final ArrayNode entries = Json.object().arrayNode();
  private final Set<String> described = new HashSet<>();
  private final Map<ArgumentType, String> numbers = new HashMap<>();

  private Schema() {}

  /** Returns the schema of commands and events. */
  static ArrayNode of(Collection<QmpCommand> commands, Map<String, Struct> events) {
    Schema schema = new Schema();
    for (QmpCommand command : commands) {
      schema
          .entry(command.name(), "command")
          .put("arg-type", schema.name(command.arguments()))
          .put("ret-type", schema.name(command.result()));
    }
    events.forEach((name, data) -> schema.entry(name, "event").put("arg-type", schema.name(data)));
    return schema.entries;
  }

  private ObjectNode entry(String name, String metaType) {
    return entries.addObject().put("name", name).put("meta-type", metaType);
  }

  /** Returns the name of a type, which is described if it has not been. */
  private String name(ArgumentType type) {
    return switch (type) {
      case Int _ -> builtin("int", "int");
      case Str _ -> builtin("str", "string");
      case Bool _ -> builtin("bool", "boolean");
      case Any _ -> builtin("any", "value");
      case ArrayOf(ArgumentType element) -> array(name(element));
      case OneOf(List<String> values) -> numbered(type, name -> enumeration(name, values));
      case Struct(List<Argument> members) -> numbered(type, name -> object(name, members));
    };
  }

  private String builtin(String name, String jsonType) {
    if (described.add(name)) {
      entry(name, "builtin").put("json-type", jsonType);
    }
    return name;
  }

  private String array(String element) {
    String name = "[" + element + "]";
    if (described.add(name)) {
      entry(name, "array").put("element-type", element);
    }
    return name;
  }

  private String numbered(ArgumentType type, Consumer<String> describe) {
    String known = numbers.get(type);
    if (known != null) {
      return known;
    }
    String name = Integer.toString(numbers.size());
    numbers.put(type, name);
    describe.accept(name);
    return name;
  }

  private void enumeration(String name, List<String> values) {
    ObjectNode entry = entry(name, "enum");
    ArrayNode members = entry.putArray("members");
    values.forEach(value -> members.addObject().put("name", value));
    ArrayNode older = entry.putArray("values");
    values.forEach(older::add);
  }

  private void object(String name, List<Argument> members) {
    ArrayNode array = entry(name, "object").putArray("members");
    for (Argument member : members) {
      ObjectNode object =
          array.addObject().put("name", member.name()).put("type", name(member.type()));
      if (!member.required()) {
        object.putNull("default");
      }
    }
  }
}
