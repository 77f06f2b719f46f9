package dev.ballast.tools.bench;

/** What is measured of a migration. */
public enum Metric {
  /** From the command to the end of the migration, by the source's {@code query-migrate}. */
  TIME("time", "ms"),
  /** What went over the socket, by the source's {@code query-migrate}. */
  BYTES("bytes", "B"),
  /** How long the guest stood still, by the source's {@code query-migrate}. */
  DOWNTIME("downtime", "ms"),
  /** Resident memory of the destination's process once the guest runs there, shared pages too. */
  RSS("rss", "B");

  private final String label;
  private final String unit;

  Metric(String label, String unit) {
    this.label = label;
    this.unit = unit;
  }

  /** Returns the name in reports. */
  public String label() {
    return label;
  }

  /** Returns the unit: {@code ms} or {@code B}. */
  public String unit() {
    return unit;
  }
}
