package dev.ballast.virtio.balloon;

import java.time.Instant;
import java.util.Map;
import java.util.OptionalLong;

/**
 * A guest's report of its memory. The guest may report any value: use it for display only, never as
 * a size.
 *
 * @param values unsigned 64 bits each; a statistic that the guest does not report is absent
 * @param arrived when it arrived; {@link Instant#EPOCH} for {@link #NONE}
 */
public record MemoryReport(Map<MemoryStatistic, Long> values, Instant arrived) {
  /** No report since the driver started. */
  public static final MemoryReport NONE = new MemoryReport(Map.of(), Instant.EPOCH);

  /** Takes an immutable copy of the values. */
  public MemoryReport {
    values = Map.copyOf(values);
  }

  /** Returns one value, unsigned; empty if the guest does not report it. */
  public OptionalLong value(MemoryStatistic statistic) {
    Long value = values.get(statistic);
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }
}
