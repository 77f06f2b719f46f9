package dev.ballast.virtio.mock;

import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBacking;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * Guest RAM in an unlinked sparse file, so that gigabytes cost only what is touched. Records what
 * is discarded; says that all of it is populated.
 */
public final class SparseRam implements RamBacking {
  private final Arena arena = Arena.ofShared();
  private final MemorySegment segment;
  private final FileChannel file;
  private final long hostPageSize;
  private final List<Discard> discards = new ArrayList<>();
  private volatile boolean refusing;

  /**
   * A range that was given back.
   *
   * @param offset in bytes
   * @param length in bytes
   */
  public record Discard(long offset, long length) {}

  /**
   * @param size in bytes
   */
  public SparseRam(long size) {
    this(size, RamBlock.PAGE_SIZE);
  }

  /**
   * @param size in bytes
   * @param hostPageSize what can be discarded, in bytes
   */
  public SparseRam(long size, long hostPageSize) {
    this.hostPageSize = hostPageSize;
    try {
      file =
          FileChannel.open(
              Files.createTempFile("ballast-ram", null),
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              StandardOpenOption.DELETE_ON_CLOSE);
      segment = file.map(MapMode.READ_WRITE, 0, size, arena);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public long hostPageSize() {
    return hostPageSize;
  }

  @Override
  public void discard(long offset, long length) throws IOException {
    if (refusing || offset % hostPageSize != 0 || length % hostPageSize != 0) {
      throw new IOException("refused");
    }
    synchronized (discards) {
      discards.add(new Discard(offset, length));
    }
    segment.asSlice(offset, length).fill((byte) 0);
  }

  /** Returns what was discarded until now, in order. */
  public List<Discard> discards() {
    synchronized (discards) {
      return List.copyOf(discards);
    }
  }

  /**
   * Takes the memory from an offset on away: every access to it is a SIGBUS, as on a huge page that
   * the host has no memory for.
   */
  public void takeAway(long offset) throws IOException {
    file.truncate(offset);
  }

  /** Undoes {@link #takeAway}; what was there is zero. */
  public void giveBack() throws IOException {
    file.write(ByteBuffer.allocate(1), segment.byteSize() - 1);
  }

  /** From now on discards fail, or succeed again. */
  public void refuseDiscards(boolean refuse) {
    refusing = refuse;
  }

  @Override
  public void addPopulated(long firstPage, long pages, PageBitmap into) {
    into.set(firstPage, pages);
  }

  /** Returns how many pages of RAM there are. */
  public long pages() {
    return segment.byteSize() / RamBlock.PAGE_SIZE;
  }

  @Override
  public void close() {
    arena.close();
    try {
      file.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
