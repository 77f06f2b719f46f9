package dev.ballast.tools.demo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * The figures of one migration of the demo.
 *
 * @param from name of the source
 * @param to name of the destination
 * @param pagesTotal pages of guest RAM
 * @param bitmapPages pages in the balloon, by the source's bitmap, before
 * @param wanted whether the capability skip-balloon was on
 * @param info the source's last answer to query-migrate
 * @param sourceRss resident memory of the source before, in bytes
 * @param destinationRss resident memory of the destination after, in bytes
 * @param counterBefore the guest's counter in the source
 * @param counterAfter the guest's counter in the destination
 */
record DemoHop(
    String from,
    String to,
    long pagesTotal,
    long bitmapPages,
    boolean wanted,
    JsonNode info,
    long sourceRss,
    long destinationRss,
    long counterBefore,
    long counterAfter) {
  private static final long RSS_SLACK = 16 << 20;

  boolean skipBalloon() {
    return info.path("x-balloon").path("active").asBoolean();
  }

  long pagesScanned() {
    return info.path("x-pages-scanned").asLong();
  }

  long pagesSkipped() {
    return info.path("x-balloon").path("pages-skipped").asLong();
  }

  long transferredBytes() {
    return info.path("ram").path("transferred").asLong();
  }

  long bitmapBytes() {
    return info.path("x-balloon").path("bitmap-bytes").asLong();
  }

  long bitmapBytesDowntime() {
    return info.path("x-balloon").path("bitmap-bytes-downtime").asLong();
  }

  long totalMillis() {
    return info.path("total-time").asLong();
  }

  long downtimeMillis() {
    return info.path("downtime").asLong();
  }

  long verifyMillis() {
    return info.path("x-verify-time").asLong();
  }

  boolean memoryVerified() {
    return info.path("x-verified").asBoolean();
  }

  /** Returns a sentence for each rule of the demo that does not hold. */
  List<String> faults() {
    List<String> faults = new ArrayList<>();
    String hop = from + " to " + to + ": ";
    long skippable = wanted ? bitmapPages : 0;
    if (skipBalloon() != wanted || pagesSkipped() != skippable) {
      faults.add(hop + pagesSkipped() + " pages were skipped, not " + skippable);
    }
    if (destinationRss > sourceRss + sourceRss / 20 + RSS_SLACK) {
      faults.add(hop + "resident memory grew from " + sourceRss + " to " + destinationRss);
    }
    if (counterAfter < counterBefore) {
      faults.add(hop + "the counter went back from " + counterBefore + " to " + counterAfter);
    }
    if (!memoryVerified()) {
      faults.add(hop + "memory was not verified");
    }
    return faults;
  }

  ObjectNode json() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("from", from)
        .put("to", to)
        .put("skip_balloon", skipBalloon())
        .put("pages_total", pagesTotal)
        .put("pages_scanned", pagesScanned())
        .put("bitmap_pages", bitmapPages)
        .put("pages_skipped", pagesSkipped())
        .put("transferred_bytes", transferredBytes())
        .put("bitmap_bytes", bitmapBytes())
        .put("bitmap_bytes_downtime", bitmapBytesDowntime())
        .put("total_ms", totalMillis())
        .put("downtime_ms", downtimeMillis())
        .put("verify_ms", verifyMillis())
        .put("source_rss_bytes", sourceRss)
        .put("destination_rss_bytes", destinationRss)
        .put("counter_before", counterBefore)
        .put("counter_after", counterAfter)
        .put("memory_verified", memoryVerified());
  }
}
