package dev.ballast.migration.testing;

import dev.ballast.vmm.memory.DirtyLog;
import dev.ballast.vmm.memory.PageBitmap;

/** A dirty log that the writer itself keeps. Whoever writes marks the page after the write. */
public final class SoftwareDirtyLog implements DirtyLog {
  private final PageBitmap written;
  private volatile boolean running;

  SoftwareDirtyLog(long pages) {
    written = PageBitmap.allocate(pages);
  }

  void mark(long page) {
    if (running) {
      written.add(page);
    }
  }

  /** Tells whether it logs. */
  public boolean isRunning() {
    return running;
  }

  @Override
  public void start() {
    written.clearAll();
    running = true;
  }

  @Override
  public void stop() {
    running = false;
  }

  @Override
  public void fetch(PageBitmap into) {
    written.drainTo(into);
  }
}
