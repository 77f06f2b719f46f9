package dev.ballast.migration.testing;

import dev.ballast.vmm.memory.DirtyLog;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.util.concurrent.atomic.LongAdder;

/**
 * A dirty log that the writer itself keeps: it marks a page after it has written to it. As KVM's,
 * it starts with all pages in it, and one that is never protected stays.
 */
public final class SoftwareDirtyLog implements DirtyLog {
  private final PageBitmap written;
  private volatile boolean running;
  private final LongAdder protects = new LongAdder();
  private volatile long protectBytes = RamBlock.MIN_PROTECT_BYTES;
  private volatile Runnable beforeFetch = () -> {};
  private volatile Runnable beforeProtect = () -> {};

  SoftwareDirtyLog(long pages) {
    written = PageBitmap.allocate(pages);
  }

  void mark(long page) {
    if (running) {
      written.add(page);
    }
  }

  /** Returns whether it logs. */
  public boolean isRunning() {
    return running;
  }

  @Override
  public void start() {
    written.setAll();
    running = true;
  }

  @Override
  public void stop() {
    running = false;
  }

  /** Has the guest do something at the end of every pass, when all that was to be sent is. */
  public void beforeFetch(Runnable action) {
    beforeFetch = action;
  }

  /** Has the guest do something after a fetch, when pages are about to be read. */
  public void beforeProtect(Runnable action) {
    beforeProtect = action;
  }

  @Override
  public void fetch(PageBitmap into) {
    beforeFetch.run();
    for (long i = 0; i < written.wordCount(); i++) {
      into.setWord(i, written.word(i));
    }
  }

  @Override
  public void protect(PageBitmap pages, long fromWord, long toWord) {
    beforeProtect.run();
    protects.increment();
    for (long i = fromWord; i < toWord; i++) {
      written.andWord(i, ~pages.word(i));
    }
  }

  @Override
  public long protectBytes() {
    return protectBytes;
  }

  /** Changes how much is best protected at once. */
  public void protectBytes(long bytes) {
    protectBytes = bytes;
  }

  /** Returns how often pages were protected. */
  public long protects() {
    return protects.sum();
  }

  /** Protects all pages. */
  public void protectAll() {
    written.clearAll();
  }
}
