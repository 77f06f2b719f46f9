package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.tools.vm.MigrationInfo;
import dev.ballast.tools.vm.MigrationStatus;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.file.Path;

/** The answer to {@code query-migrate}. */
final class MigrationJson {
  private MigrationJson() {}

  static ObjectNode of(MigrationInfo info) {
    ObjectNode json = Json.object();
    if (info.status() == MigrationStatus.NONE) {
      return json;
    }
    json.put("status", info.status().qmpName())
        .put("total-time", info.totalMillis())
        .put("setup-time", info.setupMillis());
    info.downtimeMillis().ifPresent(millis -> json.put("downtime", millis));
    info.expectedDowntimeMillis().ifPresent(millis -> json.put("expected-downtime", millis));
    if (info.throttlePercent() > 0) {
      json.put("cpu-throttle-percentage", info.throttlePercent());
    }
    info.error().ifPresent(error -> json.put("error-desc", error));
    info.listening().ifPresent(uri -> address(uri, json.putArray("socket-address").addObject()));
    ram(info.ram(), json.putObject("ram"));
    balloon(info.balloon(), json.putObject("x-balloon"));
    json.put("x-pages-scanned", info.ram().scannedPages());
    if (info.verifyMillis().isPresent()) {
      json.put("x-verified", true).put("x-verify-time", info.verifyMillis().getAsLong());
    }
    return json;
  }

  /** QEMU's SocketAddress, in which the port is a string. */
  private static void address(MigrationUri uri, ObjectNode json) {
    switch (uri) {
      case MigrationUri.Unix(Path path) -> json.put("type", "unix").put("path", path.toString());
      case MigrationUri.Tcp(String host, int port) ->
          json.put("type", "inet")
              .put("host", host.isEmpty() ? "0.0.0.0" : host)
              .put("port", Integer.toString(port));
    }
  }

  private static void ram(MigrationInfo.Ram ram, ObjectNode json) {
    json.put("transferred", ram.transferredBytes())
        .put("remaining", ram.remainingBytes())
        .put("total", ram.totalBytes())
        .put("duplicate", ram.zeroPages())
        .put("normal", ram.normalPages())
        .put("normal-bytes", ram.normalPages() * RamBlock.PAGE_SIZE)
        .put("dirty-pages-rate", ram.dirtyPagesPerSecond())
        .put("mbps", ram.bytesPerSecond() * 8 / 1e6)
        .put("dirty-sync-count", ram.passes())
        .put("postcopy-requests", 0)
        .put("page-size", RamBlock.PAGE_SIZE)
        .put("multifd-bytes", ram.multifdBytes())
        .put("pages-per-second", ram.pagesPerSecond())
        .put("precopy-bytes", ram.precopyBytes())
        .put("downtime-bytes", ram.downtimeBytes())
        .put("postcopy-bytes", 0)
        .put("dirty-sync-missed-zero-copy", 0);
  }

  private static void balloon(MigrationInfo.Balloon balloon, ObjectNode json) {
    json.put("active", balloon.active());
    balloon.reason().ifPresent(reason -> json.put("reason", reason));
    json.put("pages-skipped", balloon.skippedPages())
        .put("bitmap-bytes", balloon.bitmapBytes())
        .put("bitmap-bytes-downtime", balloon.bitmapBytesDowntime());
  }
}
