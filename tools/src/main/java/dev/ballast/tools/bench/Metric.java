package dev.ballast.tools.bench;

/** The metrics. */
public enum Metric {
  /** From the command to the end of the migration, by the source's {@code query-migrate}. */
  TIME("time", Unit.MILLIS, false),
  /** The same of the migration before it, where a guest is moved twice. */
  FIRST_TIME("first hop", Unit.MILLIS, false),
  /** The same of a migration without compression, where one is compressed. */
  PLAIN_TIME("uncompressed", Unit.MILLIS, false),
  /** What went over the socket, by the source's {@code query-migrate}. */
  BYTES("bytes", Unit.BYTES, false),
  /** How long the guest stood still, by the source's {@code query-migrate}. */
  DOWNTIME("downtime", Unit.MILLIS, false),
  /** Resident memory of the destination's process once the guest runs there, shared pages too. */
  RSS("rss", Unit.BYTES, false),
  /** Bytes that went over the socket by the time that it took. */
  BANDWIDTH("bandwidth", Unit.BYTES_PER_SECOND, true),
  /** From the start of the process to the guest's first byte on its serial line. */
  START("start", Unit.MILLIS, false),
  /** Reads of an I/O port that the guest carries out. */
  PIO("pio", Unit.PER_SECOND, true),
  /** Reads of a register in memory that the guest carries out. */
  MMIO("mmio", Unit.PER_SECOND, true),
  /** Memory that was in use and goes into the balloon. */
  INFLATE("inflate", Unit.BYTES_PER_SECOND, true),
  /** Resident memory of the process without the guest's RAM, shared pages too; a small guest. */
  OVERHEAD("overhead", Unit.BYTES, false),
  /** The same with a guest of 1 TiB. */
  OVERHEAD_TIB("at 1 TiB", Unit.BYTES, false);

  /** The unit of a figure. */
  public enum Unit {
    MILLIS("ms"),
    BYTES("B"),
    BYTES_PER_SECOND("B/s"),
    PER_SECOND("/s");

    private final String symbol;

    Unit(String symbol) {
      this.symbol = symbol;
    }

    /** Returns the unit's symbol. */
    public String symbol() {
      return symbol;
    }
  }

  private final String label;
  private final Unit unit;
  private final boolean moreIsBetter;

  Metric(String label, Unit unit, boolean moreIsBetter) {
    this.label = label;
    this.unit = unit;
    this.moreIsBetter = moreIsBetter;
  }

  /** Returns the name in reports. */
  public String label() {
    return label;
  }

  /** Returns the unit. */
  public Unit unit() {
    return unit;
  }

  /** Returns whether a larger figure is the better one. */
  public boolean moreIsBetter() {
    return moreIsBetter;
  }
}
