package dev.ballast.migration.protocol;

import dev.ballast.migration.channel.SegmentWindows;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.memory.ZeroPages;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Digests of the content of a block. The digest of a range is the sum, modulo 2<sup>64</sup>, of a
 * value for each page that is not zero and not left out: {@code mix(page * 0x9E3779B97F4A7C15 +
 * CRC32C)}, where {@code mix} is the finalizer of SplitMix64. Pages without memory are zero and are
 * not touched, nor are poisoned ones, which arrive as zeros. One thread.
 */
public final class MemoryDigest {
  private final RamBlock block;
  private final @Nullable PageBitmap excluded;
  private final MemorySegment memory;
  private final SegmentWindows windows;
  private final PageBitmap populated;
  private final PageBitmap poisoned;
  private final CRC32C crc = new CRC32C();

  /**
   * @param block the block
   * @param excluded the pages to leave out; null for none
   */
  public MemoryDigest(RamBlock block, @Nullable PageBitmap excluded) {
    this.block = block;
    this.excluded = excluded;
    this.memory = block.memory();
    this.windows = new SegmentWindows(memory);
    this.populated = PageBitmap.allocate(block.pages());
    this.poisoned = PageBitmap.allocate(block.pages());
  }

  /** Returns how many pages the block has. */
  public long pages() {
    return populated.size();
  }

  /**
   * Computes the digest of a range.
   *
   * @param first the first page
   * @param pages how many
   * @throws IOException if the kernel's page map cannot be read
   */
  public long of(long first, long pages) throws IOException {
    block.addPopulated(first, pages, populated);
    if (block.addPoisoned(first, pages, poisoned)) {
      populated.andNot(poisoned);
    }
    long sum = 0;
    long end = first + pages;
    for (long page = populated.nextSet(first, end);
        page < end;
        page = populated.nextSet(page + 1, end)) {
      long offset = page * RamBlock.PAGE_SIZE;
      if ((excluded == null || !excluded.get(page)) && !ZeroPages.isZero(memory, offset)) {
        crc.reset();
        crc.update(windows.piece(offset, RamBlock.PAGE_SIZE));
        sum += mix(page * 0x9E3779B97F4A7C15L + crc.getValue());
      }
    }
    return sum;
  }

  private static long mix(long value) {
    long mixed = (value ^ (value >>> 30)) * 0xBF58476D1CE4E5B9L;
    mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
    return mixed ^ (mixed >>> 31);
  }
}
