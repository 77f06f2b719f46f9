package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares with {@link BitSet}, which is slow, small and right. */
class PageBitmapTest {
  private static final int MAX_SIZE = 400;

  private static BitSet toBitSet(PageBitmap bitmap) {
    BitSet set = new BitSet();
    for (long page = 0; page < bitmap.size(); page++) {
      set.set((int) page, bitmap.get(page));
    }
    return set;
  }

  private static PageBitmap toBitmap(BitSet set, int size) {
    PageBitmap bitmap = PageBitmap.allocate(size);
    set.stream().forEach(bitmap::add);
    return bitmap;
  }

  /** Long runs, short runs, and single bits. */
  private static BitSet randomSet(Random random, int size) {
    BitSet set = new BitSet();
    int meanRun = 1 << random.nextInt(8);
    for (int at = random.nextInt(size); at < size; at += 1 + random.nextInt(2 * meanRun)) {
      int end = Math.min(size, at + 1 + random.nextInt(2 * meanRun));
      set.set(at, end);
      at = end;
    }
    return set;
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void changesLikeABitSet(long seed) {
    Random random = new Random(seed);
    int size = 1 + random.nextInt(MAX_SIZE);
    PageBitmap bitmap = PageBitmap.allocate(size);
    BitSet model = new BitSet();
    for (int step = 0; step < 2000; step++) {
      int first = random.nextInt(size);
      int count = random.nextInt(size - first + 1);
      switch (random.nextInt(5)) {
        case 0 -> {
          assertThat(bitmap.add(first)).isEqualTo(!model.get(first));
          model.set(first);
        }
        case 1 -> {
          assertThat(bitmap.remove(first)).isEqualTo(model.get(first));
          model.clear(first);
        }
        case 2 -> {
          bitmap.set(first, count);
          model.set(first, first + count);
        }
        case 3 -> {
          bitmap.clear(first, count);
          model.clear(first, first + count);
        }
        default ->
            assertThat(bitmap.cardinality(first, count))
                .isEqualTo(model.get(first, first + count).cardinality());
      }
      assertThat(toBitSet(bitmap))
          .as("seed %d, step %d, size %d", seed, step, size)
          .isEqualTo(model);
      assertThat(bitmap.cardinality()).isEqualTo(model.cardinality());
      int nextSet = model.nextSetBit(first);
      assertThat(bitmap.nextSet(first)).isEqualTo(nextSet < 0 ? size : nextSet);
      assertThat(bitmap.nextClear(first)).isEqualTo(Math.min(size, model.nextClearBit(first)));
      int end = first + count;
      assertThat(bitmap.nextSet(first, end)).isEqualTo(nextSet < 0 ? end : Math.min(end, nextSet));
      assertThat(bitmap.nextClear(first, end)).isEqualTo(Math.min(end, model.nextClearBit(first)));
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {10, 11, 12})
  void longStretchesAreAsAnyOther(long seed) {
    Random random = new Random(seed);
    int size = 100_000 + random.nextInt(100_000);
    PageBitmap bitmap = PageBitmap.allocate(size);
    BitSet model = new BitSet();
    for (int step = 0; step < 2000; step++) {
      String which = "seed " + seed + ", step " + step + ", size " + size;
      int first = random.nextInt(size);
      // Most stretches are long, and some of one page.
      int end = random.nextInt(4) == 0 ? first + 1 : first + 1 + random.nextInt(size - first);
      boolean add = random.nextBoolean();
      model.set(first, end, add);
      if (add) {
        bitmap.set(first, end - first);
      } else {
        bitmap.clear(first, end - first);
      }
      int from = random.nextInt(size);
      int to = from + random.nextInt(size - from + 1);
      assertThat(bitmap.cardinality()).as(which).isEqualTo(model.cardinality());
      assertThat(bitmap.cardinality(from, to - from))
          .as(which)
          .isEqualTo(model.get(from, to).cardinality());
      int nextSet = model.nextSetBit(from);
      assertThat(bitmap.nextSet(from)).as(which).isEqualTo(nextSet < 0 ? size : nextSet);
      assertThat(bitmap.nextClear(from))
          .as(which)
          .isEqualTo(Math.min(size, model.nextClearBit(from)));
      assertThat(bitmap.isEmpty(from / 64, to / 64))
          .as(which)
          .isEqualTo(model.get(from / 64 * 64, to / 64 * 64).isEmpty());
    }
    PageBitmap into = PageBitmap.allocate(size);
    bitmap.drainTo(into);
    assertThat(toBitSet(into)).as("seed %d", seed).isEqualTo(model);
    assertThat(bitmap.isEmpty(0, bitmap.wordCount())).isTrue();
    into.clearWords(1, into.wordCount() - 1);
    model.clear(64, (int) (into.wordCount() - 1) * 64);
    assertThat(toBitSet(into)).as("seed %d", seed).isEqualTo(model);
  }

  @ParameterizedTest
  @ValueSource(longs = {5, 6, 7})
  void combinesLikeBitSets(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 300; round++) {
      int size = 1 + random.nextInt(MAX_SIZE);
      BitSet left = randomSet(random, size);
      BitSet right = randomSet(random, size);
      String which = "seed " + seed + ", round " + round;

      BitSet difference = (BitSet) left.clone();
      difference.andNot(right);
      PageBitmap andNot = toBitmap(left, size);
      andNot.andNot(toBitmap(right, size));
      assertThat(toBitSet(andNot)).as(which).isEqualTo(difference);

      BitSet union = (BitSet) left.clone();
      union.or(right);
      PageBitmap from = toBitmap(left, size);
      PageBitmap into = toBitmap(right, size);
      from.drainTo(into);
      assertThat(toBitSet(into)).as(which).isEqualTo(union);
      assertThat(from.cardinality()).as(which).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {8, 9})
  void runsAreMaximalAndAscending(long seed) {
    Random random = new Random(seed);
    for (int round = 0; round < 300; round++) {
      int size = 1 + random.nextInt(MAX_SIZE);
      BitSet model = randomSet(random, size);
      List<String> expected = new ArrayList<>();
      for (int at = model.nextSetBit(0); at >= 0; at = model.nextSetBit(model.nextClearBit(at))) {
        expected.add(at + "+" + (model.nextClearBit(at) - at));
      }
      List<String> runs = new ArrayList<>();
      toBitmap(model, size).forEachRun((first, count) -> runs.add(first + "+" + count));
      assertThat(runs).as("seed %d, round %d", seed, round).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 63, 64, 65, 127, 128, 129})
  void wordBoundariesHold(int size) {
    PageBitmap bitmap = PageBitmap.allocate(size);
    assertThat(bitmap.wordCount()).isEqualTo((size + 63) / 64);
    assertThat(PageBitmap.bytesFor(size)).isEqualTo(bitmap.wordCount() * 8);
    bitmap.setAll();
    assertThat(bitmap.cardinality()).isEqualTo(size);
    assertThat(bitmap.nextClear(0)).isEqualTo(size);
    if (size % 64 != 0) {
      assertThat(bitmap.word(bitmap.wordCount() - 1))
          .as("nothing past the end")
          .isEqualTo((1L << (size % 64)) - 1);
    }
    bitmap.clearAll();
    assertThat(bitmap.nextSet(0)).isEqualTo(size);
    assertThat(bitmap.nextSet(size + 100L)).isEqualTo(size);
  }

  @Test
  void pageIsABitOfALittleEndianWord() {
    PageBitmap bitmap = PageBitmap.allocate(200);
    bitmap.add(0);
    bitmap.add(9);
    bitmap.add(64);
    MemorySegment memory = bitmap.memory();
    assertThat(memory.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 1);
    assertThat(memory.get(ValueLayout.JAVA_BYTE, 1)).isEqualTo((byte) 2);
    assertThat(memory.get(ValueLayout.JAVA_BYTE, 8)).isEqualTo((byte) 1);
  }

  @Test
  void laysItselfOverMemoryThatIsThere() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment words = arena.allocate(16, 8);
      words.set(ValueLayout.JAVA_LONG, 8, 1);
      PageBitmap bitmap = PageBitmap.over(words, 100);
      assertThat(bitmap.nextSet(0)).isEqualTo(64);
      bitmap.add(1);
      assertThat(words.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(2);
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> PageBitmap.over(words, 129));
    }
  }

  @Test
  void outOfRangeIsRefused() {
    PageBitmap bitmap = PageBitmap.allocate(70);
    for (long page : new long[] {-1, 70, 71, 1L << 40}) {
      assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> bitmap.get(page));
      assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> bitmap.add(page));
      assertThatExceptionOfType(IndexOutOfBoundsException.class)
          .isThrownBy(() -> bitmap.set(page, 1));
    }
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> bitmap.clear(69, 2));
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> bitmap.set(1, Long.MAX_VALUE));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bitmap.andNot(PageBitmap.allocate(71)))
        .withMessage("bitmap of 71 bits, expected 70");
  }

  /** Writers and a drainer at the same time: every page arrives. */
  @Test
  void drainingLosesNoPageToAWriter() throws InterruptedException {
    int size = 4096;
    PageBitmap log = PageBitmap.allocate(size);
    PageBitmap seen = PageBitmap.allocate(size);
    List<Thread> writers = new ArrayList<>();
    for (int writer = 0; writer < 2; writer++) {
      int start = writer;
      writers.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int page = start; page < size; page += 2) {
                      log.add(page);
                    }
                  }));
    }
    while (writers.stream().anyMatch(Thread::isAlive)) {
      log.drainTo(seen);
    }
    for (Thread writer : writers) {
      writer.join();
    }
    log.drainTo(seen);
    assertThat(seen.cardinality()).isEqualTo(size);
  }

  @ParameterizedTest
  @ValueSource(longs = {100, 1L << 26})
  void aReleasedBitmapIsEmptyAndCanBeUsedAgain(long size) throws Exception {
    PageBitmap bitmap = PageBitmap.allocate(size);
    bitmap.setAll();
    bitmap.release();
    assertThat(bitmap.cardinality()).isZero();
    bitmap.add(size - 1);
    assertThat(bitmap.nextSet(0)).isEqualTo(size - 1);
  }
}
