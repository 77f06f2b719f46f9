package dev.ballast.migration.testing;

import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.HostRamBlock;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.util.Optional;

/** A balloon: host side only, in the order of operations that the real device keeps to. */
public final class TestBalloon implements PageFilter {
  private final GuestMemory memory;
  private final HostRamBlock block;
  private final PageBitmap bitmap;
  private volatile Optional<String> inactive = Optional.empty();

  TestBalloon(GuestMemory memory) {
    this.memory = memory;
    long pages = memory.size() / RamBlock.PAGE_SIZE;
    this.block = new HostRamBlock(RamBlock.BALLOON_BITMAP, PageBitmap.bytesFor(pages));
    this.bitmap = PageBitmap.over(block.memory(), pages);
  }

  RamBlock block() {
    return block;
  }

  /** Takes pages from the guest, and gives the host pages back that are now taken as a whole. */
  public void inflate(long first, long pages) throws IOException {
    long unit = memory.backing().hostPageSize() / RamBlock.PAGE_SIZE;
    long end = first + pages;
    for (long hostPage = first & -unit; hostPage < end; hostPage += unit) {
      long from = Math.max(first, hostPage);
      long to = Math.min(end, hostPage + unit);
      long had = bitmap.cardinality(hostPage, unit) - bitmap.cardinality(from, to - from);
      if (had + to - from == unit) {
        memory.discard(hostPage, unit);
      }
    }
    bitmap.set(first, pages);
    block.markDirty(first / 8, (first + pages - 1) / 8 - first / 8 + 1);
  }

  /** Gives pages back: cleared, marked, and only then may the guest use them. */
  public void deflate(long first, long pages) {
    bitmap.clear(first, pages);
    block.markDirty(first / 8, (first + pages - 1) / 8 - first / 8 + 1);
    memory.markDirty(first * RamBlock.PAGE_SIZE, pages * RamBlock.PAGE_SIZE);
  }

  /** Makes the filter unusable, as a driver does that does not promise to ask. */
  public void inactive(String reason) {
    inactive = Optional.of(reason);
  }

  @Override
  public String name() {
    return "skip-balloon";
  }

  @Override
  public Optional<String> inactiveReason() {
    return inactive;
  }

  @Override
  public PageBitmap excluded() {
    return bitmap;
  }
}
