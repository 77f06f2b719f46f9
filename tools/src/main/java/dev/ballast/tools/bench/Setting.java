package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.QmpClient;

/**
 * How a VMM is told to migrate.
 *
 * @param streams over how many connections the pages go; 1 leaves {@code multifd} off
 */
public record Setting(int streams) {
  /** One connection for everything. */
  static final Setting SINGLE = new Setting(1);

  /** Pages over two connections of their own. */
  static final Setting MULTIFD = new Setting(2);

  /** Returns the name in reports. */
  public String label() {
    return streams == 1 ? "one stream" : "multifd, " + streams + " channels";
  }

  /** Returns the arguments of {@code migrate-set-capabilities}. */
  ObjectNode capabilities() {
    ObjectNode arguments = QmpClient.arguments();
    arguments
        .putArray("capabilities")
        .addObject()
        .put("capability", "multifd")
        .put("state", streams > 1);
    return arguments;
  }
}
