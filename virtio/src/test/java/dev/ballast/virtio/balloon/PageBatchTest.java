package dev.ballast.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class PageBatchTest {
  private final PageBatch batch = new PageBatch(8);

  private List<String> drain(long... pages) {
    for (long page : pages) {
      batch.add(page);
    }
    List<String> runs = new ArrayList<>();
    batch.drainRuns((first, count) -> runs.add(first + "+" + count));
    return runs;
  }

  @Test
  void sortsAndCoalesces() {
    assertThat(drain(7, 3, 5, 4, 9)).containsExactly("3+3", "7+1", "9+1");
  }

  @Test
  void handsRepeatedPagesOverOnce() {
    assertThat(drain(2, 1, 2, 1, 2)).containsExactly("1+2");
  }

  @Test
  void isEmptyAfterwardsAndWhenCleared() {
    drain(1, 2);
    assertThat(drain()).isEmpty();
    batch.add(3);
    batch.clear();
    assertThat(drain()).isEmpty();
  }

  @Test
  void takesAsManyAsItsCapacity() {
    assertThat(drain(14, 12, 10, 8, 6, 4, 2, 0)).hasSize(8);
    assertThat(drain(0, 1, 2, 3, 4, 5, 6, 7)).containsExactly("0+8");
  }

  @Test
  void handlesPagesBeyond32Bits() {
    assertThat(drain(0x1_0000_0000L, 0xffff_ffffL)).containsExactly("4294967295+2");
  }

  @Test
  void sortsAsTheJdkDoes() {
    long seed = System.nanoTime();
    SplittableRandom random = new SplittableRandom(seed);
    for (int round = 0; round < 200; round++) {
      int count = random.nextInt(600);
      long bound = 1L << random.nextInt(1, 40);
      PageBatch large = new PageBatch(600);
      long[] expected = new long[count];
      for (int i = 0; i < count; i++) {
        expected[i] = random.nextLong(bound);
        large.add(expected[i]);
      }
      List<Long> pages = new ArrayList<>();
      large.drainRuns(
          (first, length) -> LongStream.range(first, first + length).forEach(pages::add));
      assertThat(pages)
          .as("seed %d, round %d", seed, round)
          .isEqualTo(LongStream.of(expected).sorted().distinct().boxed().toList());
    }
  }
}
