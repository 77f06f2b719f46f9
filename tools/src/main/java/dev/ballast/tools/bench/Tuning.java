package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;

/**
 * What both sides of a migration are told before it.
 *
 * @param streams over how many connections pages go; 1 leaves {@code multifd} off
 */
record Tuning(int streams) {
  /** More than any socket here carries: QEMU's default is a limit, and neither is to have one. */
  private static final long NO_BANDWIDTH_LIMIT = 1L << 40;

  /** Returns what a setting asks for. */
  static Tuning of(Setting setting) {
    return new Tuning(setting.streams());
  }

  /** Tells a process. */
  void apply(VmmProcess vmm) throws IOException {
    boolean several = streams > 1;
    if (several || vmm.hasMultifd()) {
      vmm.query("migrate-set-capabilities", capabilities());
    }
    ObjectNode parameters =
        QmpClient.arguments()
            .put("max-bandwidth", NO_BANDWIDTH_LIMIT)
            .put("downtime-limit", Scenarios.DOWNTIME_LIMIT_MILLIS);
    if (several) {
      parameters.put("multifd-channels", streams);
    }
    vmm.query("migrate-set-parameters", parameters);
  }

  private ObjectNode capabilities() {
    ObjectNode arguments = QmpClient.arguments();
    arguments
        .putArray("capabilities")
        .addObject()
        .put("capability", "multifd")
        .put("state", streams > 1);
    return arguments;
  }
}
