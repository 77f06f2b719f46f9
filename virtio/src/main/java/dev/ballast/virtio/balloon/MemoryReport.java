package dev.ballast.virtio.balloon;

import java.time.Instant;
import java.util.Map;
import java.util.OptionalLong;

/**
 * What a guest said of its memory. It may say anything: it is for people, nothing may be sized by
 * it.
 *
 * @param values unsigned 64 bits each; what the guest does not tell is not there
 * @param arrived when it came; {@link Instant#EPOCH} for {@link #NONE}
 */
public record MemoryReport(Map<MemoryStatistic, Long> values, Instant arrived) {
  /** No report since the driver started. */
  public static final MemoryReport NONE = new MemoryReport(Map.of(), Instant.EPOCH);

  /** Makes one that does not change. */
  public MemoryReport {
    values = Map.copyOf(values);
  }

  /** Returns one value, unsigned; empty when the guest does not tell it. */
  public OptionalLong value(MemoryStatistic statistic) {
    Long value = values.get(statistic);
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }
}
