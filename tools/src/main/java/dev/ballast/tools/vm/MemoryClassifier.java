package dev.ballast.tools.vm;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.memory.ZeroPages;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Determines what each part of guest memory is made of; touches no page that has no host memory.
 */
final class MemoryClassifier {
  private MemoryClassifier() {}

  /**
   * Classes every page.
   *
   * @param ram guest RAM
   * @param ballooned the pages in the balloon; null when there is no balloon
   * @param cells how many parts of equal size
   * @throws IOException if the kernel's page map cannot be read
   */
  static MemoryMap classify(RamBlock ram, @Nullable PageBitmap ballooned, int cells)
      throws IOException {
    PageBitmap populated = PageBitmap.allocate(ram.pages());
    ram.addPopulated(populated);
    long pagesPerCell = (ram.pages() + cells - 1) / cells;
    List<MemoryMap.Cell> map = new ArrayList<>();
    for (long first = 0; first < ram.pages(); first += pagesPerCell) {
      long count = Math.min(pagesPerCell, ram.pages() - first);
      map.add(cell(ram.memory(), first, count, ballooned, populated));
    }
    return new MemoryMap(pagesPerCell, map);
  }

  private static MemoryMap.Cell cell(
      MemorySegment ram,
      long first,
      long count,
      @Nullable PageBitmap ballooned,
      PageBitmap populated) {
    long inBalloon = 0;
    long untouched = 0;
    long zero = 0;
    for (long page = first; page < first + count; page++) {
      if (ballooned != null && ballooned.get(page)) {
        inBalloon++;
      } else if (!populated.get(page)) {
        untouched++;
      } else if (ZeroPages.isZero(ram, page * RamBlock.PAGE_SIZE)) {
        zero++;
      }
    }
    return new MemoryMap.Cell(inBalloon, untouched, zero, count - inBalloon - untouched - zero);
  }
}
