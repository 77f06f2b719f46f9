package dev.ballast.tools.vm;

import java.util.List;

/**
 * What guest memory is made of, part by part.
 *
 * @param pagesPerCell the size of a part in 4 KiB pages; the last may be smaller
 * @param cells the parts, ascending
 */
public record MemoryMap(long pagesPerCell, List<Cell> cells) {
  /**
   * How many pages of a part are of each class; every page is of one.
   *
   * @param ballooned in the balloon
   * @param untouched without host memory behind them
   * @param zero all zero
   * @param data the rest: what a migration has to send
   */
  public record Cell(long ballooned, long untouched, long zero, long data) {}

  /** Takes an immutable copy of the list. */
  public MemoryMap {
    cells = List.copyOf(cells);
  }
}
