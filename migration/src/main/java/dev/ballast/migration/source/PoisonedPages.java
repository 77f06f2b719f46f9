package dev.ballast.migration.source;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The pages of a block whose content the host has lost to a memory error. They cannot be read, and
 * zeros arrive instead: nothing is left to send, and a guest on a host with bad memory has to
 * leave. Streams share it, for different words.
 */
final class PoisonedPages {
  private static final Logger log = LoggerFactory.getLogger(PoisonedPages.class);

  private final RamBlock block;

  /** Those that were poisoned when they were last looked at: the guest may get another page. */
  private final PageBitmap found;

  private final PageBitmap reported;
  private volatile boolean any;

  PoisonedPages(RamBlock block) {
    this.block = block;
    this.found = PageBitmap.allocate(block.pages());
    this.reported = PageBitmap.allocate(block.pages());
  }

  /**
   * Looks for poisoned pages, and logs them if there are new ones.
   *
   * @param first the first page
   * @param pages how many
   * @return how many are new
   */
  long find(long first, long pages) throws IOException {
    if (any) {
      found.clear(first, pages);
    }
    if (!block.addPoisoned(first, pages, found)) {
      return 0;
    }
    any = true;
    long fresh = 0;
    long end = first + pages;
    for (long page = found.nextSet(first, end); page < end; page = found.nextSet(page + 1, end)) {
      fresh += reported.add(page) ? 1 : 0;
    }
    if (fresh > 0) {
      report(first, end);
    }
    return fresh;
  }

  private void report(long first, long end) {
    for (long page = found.nextSet(first, end); page < end; ) {
      long runEnd = found.nextClear(page, end);
      log.warn(
          "{}: {} pages from guest physical address 0x{} on are lost to a memory error of the host;"
              + " zeros arrive instead",
          block.name(),
          runEnd - page,
          Long.toHexString(block.addressOf(page)));
      page = found.nextSet(runEnd, end);
    }
  }

  /**
   * Returns what a failure to read or send pages comes from: a memory error that was found just
   * then, or the failure itself.
   *
   * @param first the first page
   * @param pages how many
   * @param failure what happened
   */
  IOException explain(long first, long pages, Throwable failure) throws IOException {
    if (find(first, pages) > 0) {
      long page = found.nextSet(first);
      return new IOException(
          "the host's memory of guest physical address 0x%x has an uncorrected error; the next"
                  .formatted(block.addressOf(page))
              + " migration sends zeros instead of it",
          failure);
    }
    switch (failure) {
      case IOException e -> {
        return e;
      }
      case Error e -> throw e;
      default -> throw new IllegalStateException(failure);
    }
  }

  /** Returns the poisoned pages of a word of the block's bitmaps, as they were found last. */
  long word(long index) {
    return any ? found.word(index) : 0;
  }

  /** Frees the host memory of the bitmaps. */
  void release() throws IOException {
    found.release();
    reported.release();
  }
}
