package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.libc.MemoryCalls;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PagemapTest {
  /** Injects a memory error, madvise(2). */
  private static final int MADV_HWPOISON = 100;

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
        Pagemap pagemap = Pagemap.open(false, scanning)) {
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
        Pagemap pagemap = Pagemap.open(false, scanning)) {
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
        Pagemap pagemap = Pagemap.open(false)) {
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
    try (Pagemap pagemap = Pagemap.open(false)) {
      assertThatThrownBy(() -> pagemap.populated(1, 1, (first, count) -> {}))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> pagemap.populated(0, -1, (first, count) -> {}))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  /**
   * Without PAGEMAP_SCAN by mincore(2): the page map says of a page that the kernel is about to
   * move that it is not there, and what is not there is not sent.
   */
  @ParameterizedTest
  @ValueSource(strings = {"private", "file"})
  void findsPagesOfThePool(String kind) throws Exception {
    long huge = 2 << 20;
    long small = huge / PAGE;
    int pages = 8;
    Path pool = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
    assumeTrue(Files.isWritable(pool), "needs to write " + pool + ", as root");
    String before = Files.readString(pool).strip();
    Files.writeString(pool, Long.toString(Long.parseLong(before) + pages));
    try (FileDescriptor file = Memfd.createHuge("ballast-test", pages * huge, huge);
        Pagemap scanning = Pagemap.open(true);
        Pagemap pagemap = Pagemap.open(true, false)) {
      assumeTrue(
          Long.parseLong(Files.readString(pool).strip()) >= Long.parseLong(before) + pages,
          "the host has memory for " + pages + " huge pages");
      try (Mapping mapping =
          kind.equals("private")
              ? Mapping.anonymousHuge(pages * huge, huge, true)
              : Mapping.shared(file, 0, pages * huge, true)) {
        mapping.segment().set(JAVA_BYTE, 2 * huge + 5, (byte) 1);
        mapping.segment().set(JAVA_BYTE, 3 * huge, (byte) 1);
        mapping.segment().set(JAVA_BYTE, 7 * huge, (byte) 1);
        BitSet written = new BitSet();
        written.set((int) (2 * small), (int) (4 * small));
        written.set((int) (7 * small), (int) (8 * small));

        assertThat(populated(pagemap, mapping.address(), pages * small)).isEqualTo(written);
        assertThat(populated(scanning, mapping.address(), pages * small)).isEqualTo(written);
        assertThat(populated(pagemap, mapping.address() + 3 * huge + PAGE, 2 * small))
            .as("from the middle of a huge page on")
            .isEqualTo(written.get((int) (3 * small + 1), (int) (5 * small + 1)));
      }
    } finally {
      Files.writeString(pool, before);
    }
  }

  /** Needs a kernel with CONFIG_MEMORY_FAILURE, and CAP_SYS_ADMIN. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void findsPoisonedPagesAndReadsNone(boolean scanning) throws Exception {
    try (Mapping mapping = smallPages(64 * PAGE);
        Pagemap pagemap = Pagemap.open(false, scanning)) {
      mapping.segment().fill((byte) 1);
      for (long page : new long[] {3, 17, 18, 63}) {
        int result = MemoryCalls.madvise(mapping.address() + page * PAGE, PAGE, MADV_HWPOISON);
        assumeTrue(result == 0, "this kernel injects memory errors");
      }
      BitSet found = new BitSet();
      pagemap.poisoned(
          mapping.address(), 64, (first, count) -> found.set((int) first, (int) (first + count)));
      assertThat(found.stream()).containsExactly(3, 17, 18, 63);
      assertThat(populated(pagemap, mapping.address(), 64).cardinality()).isEqualTo(64);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void soundPagesAreNotPoisoned(boolean scanning) throws Exception {
    try (Mapping mapping = smallPages(64 * PAGE);
        Pagemap pagemap = Pagemap.open(false, scanning)) {
      mapping.segment().asSlice(0, 32 * PAGE).fill((byte) 1);
      pagemap.poisoned(
          mapping.address(),
          64,
          (first, count) -> {
            throw new AssertionError("page " + first);
          });
      assertThat(populated(pagemap, mapping.address(), 64).cardinality())
          .as("none was touched")
          .isEqualTo(32);
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
