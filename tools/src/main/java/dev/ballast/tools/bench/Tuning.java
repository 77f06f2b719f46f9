package dev.ballast.tools.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.qmp.QmpClient;
import java.io.IOException;

/**
 * What both sides of a migration are told before it.
 *
 * @param streams over how many connections pages go; 1 leaves {@code multifd} off
 * @param compression how pages are compressed, or {@link #PLAIN}
 * @param maxBandwidth the most to send, in bytes a second
 */
record Tuning(int streams, String compression, long maxBandwidth) {
  /** Pages go as they are. */
  static final String PLAIN = "none";

  /** More than any socket here carries: QEMU's default is a limit, and neither is to have one. */
  private static final long NO_BANDWIDTH_LIMIT = 1L << 40;

  /** Returns what a setting asks for, without compression and as fast as it goes. */
  static Tuning of(Variant setting) {
    return new Tuning(setting.streams(), PLAIN, NO_BANDWIDTH_LIMIT);
  }

  /** Tells a process. */
  void apply(VmmProcess vmm) throws IOException {
    boolean several = streams > 1;
    if (several || vmm.hasMultifd()) {
      vmm.query("migrate-set-capabilities", capabilities());
    }
    ObjectNode parameters =
        QmpClient.arguments()
            .put("max-bandwidth", maxBandwidth)
            .put("downtime-limit", Scenarios.DOWNTIME_LIMIT_MILLIS);
    if (several) {
      parameters.put("multifd-channels", streams);
    }
    vmm.query("migrate-set-parameters", parameters);
    if (!compression.equals(PLAIN)) {
      vmm.query("migrate-set-parameters", compressionArguments());
    }
  }

  /** Tells whether a process has such a compression. */
  boolean isKnownTo(VmmProcess vmm) throws IOException {
    return vmm.accepts("migrate-set-parameters", compressionArguments());
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

  private ObjectNode compressionArguments() {
    return QmpClient.arguments().put("multifd-compression", compression);
  }
}
