package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.file.Path;
import java.util.Optional;

/** The answer to {@code query-migrate}. */
final class MigrationJson {
  private MigrationJson() {}

  static ObjectNode of(MigrationProgress progress, Optional<MigrationUri> listening) {
    ObjectNode json = Json.object();
    MigrationStatus status = progress.status();
    if (status == MigrationStatus.NONE) {
      return json;
    }
    MigrationProgress.Times times = progress.times();
    json.put("status", status.qmpName())
        .put("total-time", times.total())
        .put("setup-time", times.setup());
    boolean completed = status == MigrationStatus.COMPLETED;
    if (completed) {
      times.downtime().ifPresent(millis -> json.put("downtime", millis));
    } else {
      times.expectedDowntime().ifPresent(millis -> json.put("expected-downtime", millis));
    }
    if (progress.throttlePercentage() > 0) {
      json.put("cpu-throttle-percentage", progress.throttlePercentage());
    }
    progress.error().ifPresent(error -> json.put("error-desc", error));
    listening.ifPresent(uri -> address(uri, json.putArray("socket-address").addObject()));
    ram(progress.ram(), progress.traffic(), json.putObject("ram"));
    balloon(progress.balloon(), json.putObject("x-balloon"));
    json.put("x-pages-scanned", progress.ram().scanned());
    if (progress.ram().poisoned() > 0) {
      json.put("x-poisoned-pages", progress.ram().poisoned());
    }
    if (completed) {
      times.verify().ifPresent(millis -> json.put("x-verified", true).put("x-verify-time", millis));
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

  private static void ram(
      MigrationProgress.Ram ram, MigrationProgress.Traffic traffic, ObjectNode json) {
    json.put("transferred", traffic.transferred())
        .put("remaining", ram.remaining() * RamBlock.PAGE_SIZE)
        .put("total", ram.total() * RamBlock.PAGE_SIZE)
        .put("duplicate", ram.zero())
        .put("normal", ram.normal())
        .put("normal-bytes", ram.normal() * RamBlock.PAGE_SIZE)
        .put("dirty-pages-rate", ram.dirtyPerSecond())
        .put("mbps", traffic.bitsPerSecond() / 1e6)
        .put("dirty-sync-count", ram.dirtySyncs())
        .put("postcopy-requests", 0)
        .put("page-size", RamBlock.PAGE_SIZE)
        .put("multifd-bytes", traffic.streams())
        .put("pages-per-second", traffic.pagesPerSecond())
        .put("precopy-bytes", traffic.precopy())
        .put("downtime-bytes", traffic.downtime())
        .put("postcopy-bytes", 0)
        .put("dirty-sync-missed-zero-copy", 0);
  }

  private static void balloon(MigrationProgress.Balloon balloon, ObjectNode json) {
    json.put("active", balloon.active());
    if (!balloon.reason().isEmpty()) {
      json.put("reason", balloon.reason());
    }
    json.put("pages-skipped", balloon.pagesSkipped())
        .put("bitmap-bytes", balloon.bitmapBytes())
        .put("bitmap-bytes-downtime", balloon.bitmapBytesDowntime());
  }
}
