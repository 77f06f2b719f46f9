package dev.ballast.tools.bench;

import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A variant in which a subject can be measured.
 *
 * @param streams over how many connections pages go; 1 leaves {@code multifd} off; 0 where none do
 * @param mode what else differs: for a migration the compression of pages; empty for nothing
 */
public record Variant(int streams, String mode) {
  /** There is no choice. */
  static final Variant ONLY = new Variant(0, "");

  /** One connection for everything. */
  static final Variant SINGLE = new Variant(1, "");

  /** Pages over two connections of their own. */
  static final Variant MULTIFD = new Variant(2, "");

  /** Returns the name in reports. */
  public String label() {
    String connections =
        switch (streams) {
          case 0 -> "";
          case 1 -> "one stream";
          default -> streams + " streams";
        };
    return Stream.of(connections, mode)
        .filter(text -> !text.isEmpty())
        .collect(Collectors.joining(", "));
  }
}
