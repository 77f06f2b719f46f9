package dev.ballast.virtio.balloon;

import dev.ballast.vmm.memory.HostRamBlock;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which pages are in the balloon: one bit per 4 KiB of guest RAM, 1 = given back. It is a RAM block
 * of its own, so that it migrates and the next migration leaves the same pages out, and it is the
 * page filter of migrations.
 *
 * <p>Changed by the balloon and, before the guest runs here, by an incoming migration; read by any
 * thread.
 */
public final class BalloonBitmap implements PageFilter {
  private final HostRamBlock block;
  private final PageBitmap bits;
  private volatile @Nullable String inactiveReason;

  /**
   * Creates an empty bitmap.
   *
   * @param ramPages the size of guest RAM in 4 KiB pages
   */
  BalloonBitmap(long ramPages) {
    this.block = new HostRamBlock(RamBlock.BALLOON_BITMAP, PageBitmap.bytesFor(ramPages));
    this.bits = PageBitmap.over(block.memory(), ramPages);
  }

  /** Returns the RAM block that holds the bits; a migration fills it before the device's state. */
  public RamBlock block() {
    return block;
  }

  @Override
  public String name() {
    return "skip-balloon";
  }

  @Override
  public Optional<String> inactiveReason() {
    return Optional.ofNullable(inactiveReason);
  }

  @Override
  public PageBitmap excluded() {
    return bits;
  }

  /** Sets the reason why a migration must not leave pages out; null if it may. */
  void setInactiveReason(@Nullable String reason) {
    inactiveReason = reason;
  }

  boolean contains(long page) {
    return bits.get(page);
  }

  /** Returns whether all pages from {@code first} to {@code end - 1} are in the balloon. */
  boolean containsAll(long first, long end) {
    return nextClear(first, end) == end;
  }

  /** Returns the first page from {@code from} on that is in the balloon, at most {@code end}. */
  long nextSet(long from, long end) {
    return bits.nextSet(from, end);
  }

  /**
   * Returns the first page from {@code from} on that is not in the balloon, at most {@code end}.
   */
  long nextClear(long from, long end) {
    return bits.nextClear(from, end);
  }

  void add(long first, long count) {
    bits.set(first, count);
    markDirty(first, count);
  }

  void remove(long first, long count) {
    bits.clear(first, count);
    markDirty(first, count);
  }

  private void markDirty(long first, long count) {
    long firstByte = first / Byte.SIZE;
    block.markDirty(firstByte, (first + count - 1) / Byte.SIZE - firstByte + 1);
  }
}
