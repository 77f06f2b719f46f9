package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PagemapTest {
  private static final long PAGE = Pagemap.PAGE_SIZE;
  private static final long TIB = 1L << 40;

  /** With PAGEMAP_SCAN where the kernel has it, and by reading the map. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void findsExactlyTheWrittenPages(boolean scanning) throws Exception {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int pages = 200_000;
    try (Mapping mapping = smallPages(pages * PAGE);
        Pagemap pagemap = Pagemap.open(scanning)) {
      BitSet written = new BitSet();
      for (int i = 0; i < 300; i++) {
        int first = random.nextInt(pages);
        written.set(first, Math.min(pages, first + 1 + random.nextInt(5)));
      }
      written.set(0);
      written.set(pages - 1);
      written.stream().forEach(page -> mapping.segment().set(JAVA_BYTE, page * PAGE, (byte) 1));

      assertThat(populated(pagemap, mapping.address(), pages))
          .as("seed %d", seed)
          .isEqualTo(written);
      assertThat(populated(pagemap, mapping.address(), pages))
          .as("looking twice, seed %d", seed)
          .isEqualTo(written);

      Madvise.dontNeed(mapping.segment(), 0, 1000 * PAGE);
      written.clear(0, 1000);
      assertThat(populated(pagemap, mapping.address(), pages))
          .as("seed %d", seed)
          .isEqualTo(written);
      assertThat(populated(pagemap, mapping.address() + 1000 * PAGE, pages - 1000))
          .as("part of the range, seed %d", seed)
          .isEqualTo(written.get(1000, pages));
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void runsNeverTouch(boolean scanning) throws Exception {
    // More regions than PAGEMAP_SCAN returns at once, and more entries than one read of the map.
    int pages = 1 << 17;
    try (Mapping mapping = smallPages(pages * PAGE);
        Pagemap pagemap = Pagemap.open(scanning)) {
      Madvise.populateWrite(mapping.segment(), 0, pages * PAGE);
      int[] runs = new int[1];
      pagemap.populated(
          mapping.address(),
          pages,
          (first, count) -> {
            runs[0]++;
            assertThat(first).isZero();
            assertThat(count).isEqualTo(pages);
          });
      assertThat(runs[0]).isEqualTo(1);
    }
  }

  @Test
  void looksAtTwelveTebibytesAtOnce() throws Exception {
    try (Mapping mapping = Mapping.anonymous(12 * TIB, false);
        Pagemap pagemap = Pagemap.open()) {
      Madvise.noHugePage(mapping.segment(), 0, mapping.size());
      long last = mapping.size() / PAGE - 1;
      mapping.segment().set(JAVA_BYTE, last * PAGE, (byte) 1);
      long[] found = new long[2];
      pagemap.populated(
          mapping.address() + 11 * TIB,
          TIB / PAGE,
          (first, count) -> {
            found[0] = first;
            found[1] += count;
          });
      assertThat(found).containsExactly(last - 11 * TIB / PAGE, 1);
    }
  }

  @Test
  void refusesWhatIsNotARangeOfPages() throws Exception {
    try (Pagemap pagemap = Pagemap.open()) {
      assertThatThrownBy(() -> pagemap.populated(1, 1, (first, count) -> {}))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> pagemap.populated(0, -1, (first, count) -> {}))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  private static Mapping smallPages(long size) throws ErrnoException {
    Mapping mapping = Mapping.anonymous(size, false);
    Madvise.noHugePage(mapping.segment(), 0, size);
    return mapping;
  }

  private static BitSet populated(Pagemap pagemap, long address, long pages) throws ErrnoException {
    BitSet found = new BitSet();
    pagemap.populated(
        address, pages, (first, count) -> found.set((int) first, (int) (first + count)));
    return found;
  }
}
