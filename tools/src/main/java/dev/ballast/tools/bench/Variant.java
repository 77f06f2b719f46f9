package dev.ballast.tools.bench;

/**
 * How something is measured, where there is a choice.
 *
 * @param streams over how many connections pages go; 1 leaves {@code multifd} off; 0 where none do
 * @param variant what else is special, in words; empty for nothing
 */
public record Variant(int streams, String variant) {
  /** One connection for everything. */
  static final Variant SINGLE = new Variant(1, "");

  /** Pages over two connections of their own. */
  static final Variant MULTIFD = new Variant(2, "");

  /** There is no choice. */
  static final Variant ONLY = new Variant(0, "");

  /** Returns the name in reports. */
  public String label() {
    String connections =
        switch (streams) {
          case 0 -> "";
          case 1 -> "one stream";
          default -> streams + " streams";
        };
    return variant.isEmpty() || connections.isEmpty()
        ? connections + variant
        : connections + ", " + variant;
  }
}
