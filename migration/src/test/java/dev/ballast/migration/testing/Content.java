package dev.ballast.migration.testing;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.ballast.vmm.memory.RamBlock;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** What pages may hold, as far as compression goes. */
public enum Content {
  /** All zero but for one byte a page. */
  SPARSE {
    @Override
    void fillPage(MemorySegment page, SplittableRandom random) {
      page.fill((byte) 0);
      page.set(JAVA_BYTE, random.nextInt(RamBlock.PAGE_SIZE), (byte) (1 + random.nextInt(255)));
    }
  },
  /** Words of one vocabulary, as text and code have. */
  WORDS {
    @Override
    void fillPage(MemorySegment page, SplittableRandom random) {
      for (int at = 0; at < RamBlock.PAGE_SIZE; at++) {
        int word = at % 8 == 0 ? random.nextInt(60) : page.get(JAVA_BYTE, at - 1) + 7;
        page.set(JAVA_BYTE, at, (byte) word);
      }
    }
  },
  /** Noise, which cannot be compressed. */
  RANDOM {
    @Override
    void fillPage(MemorySegment page, SplittableRandom random) {
      byte[] bytes = new byte[RamBlock.PAGE_SIZE];
      random.nextBytes(bytes);
      MemorySegment.copy(bytes, 0, page, JAVA_BYTE, 0, bytes.length);
    }
  },
  /** Noise in the first half of each page, zeros in the second. */
  HALF {
    @Override
    void fillPage(MemorySegment page, SplittableRandom random) {
      RANDOM.fillPage(page, random);
      page.asSlice(RamBlock.PAGE_SIZE / 2).fill((byte) 0);
    }
  };

  abstract void fillPage(MemorySegment page, SplittableRandom random);

  /** Fills whole pages. */
  public void fill(MemorySegment pages, SplittableRandom random) {
    for (long at = 0; at < pages.byteSize(); at += RamBlock.PAGE_SIZE) {
      fillPage(pages.asSlice(at, RamBlock.PAGE_SIZE), random);
    }
  }
}
