package dev.ballast.migration.destination;

import dev.ballast.migration.protocol.BitmapDelta;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The RAM blocks of the destination, by the numbers that the source gave them. Streams share them;
 * the bitmap is for the migration's own thread.
 */
final class ReceivingBlocks {
  private final Map<Integer, ReceivingBlock> receiving = new HashMap<>();
  private int bitmapNumber = -1;
  private @Nullable PageBitmap bitmap;

  private ReceivingBlocks() {}

  /**
   * Matches the blocks of the source with those of this machine.
   *
   * @param own the blocks of this machine
   * @param config the source's {@code CONFIG}
   * @param version the protocol version
   * @throws IOException if they do not match; the message names the block and both sizes
   */
  static ReceivingBlocks match(List<RamBlock> own, MigrationConfig config, int version)
      throws IOException {
    ReceivingBlocks blocks = new ReceivingBlocks();
    int number = 0;
    for (MigrationConfig.Block theirs : config.blocks()) {
      boolean isBitmap = theirs.name().equals(RamBlock.BALLOON_BITMAP);
      // A source that does not send its bitmap announces it with size 0; version 1 has no bitmap.
      if (!isBitmap || theirs.size() != 0 || version < Protocol.VERSION_2) {
        RamBlock mine = find(own, theirs.name());
        if (mine == null || mine.size() != theirs.size() || (isBitmap && version < 2)) {
          throw mismatch(theirs.name(), theirs.size() + " bytes", mine);
        }
        if (isBitmap) {
          blocks.bitmapNumber = number;
          blocks.bitmap =
              PageBitmap.over(mine.memory(), config.machine().memoryBytes() / RamBlock.PAGE_SIZE);
        } else {
          blocks.receiving.put(number, new ReceivingBlock(mine));
        }
      }
      number++;
    }
    for (RamBlock mine : own) {
      boolean named = config.blocks().stream().anyMatch(b -> b.name().equals(mine.name()));
      if (!named && !mine.name().equals(RamBlock.BALLOON_BITMAP)) {
        throw mismatch(mine.name(), "none", mine);
      }
    }
    return blocks;
  }

  private static @Nullable RamBlock find(List<RamBlock> blocks, String name) {
    return blocks.stream().filter(b -> b.name().equals(name)).findFirst().orElse(null);
  }

  private static IOException mismatch(String name, String theirs, @Nullable RamBlock mine) {
    return new IOException(
        "RAM block %s: source has %s, destination has %s"
            .formatted(name, theirs, mine == null ? "none" : mine.size() + " bytes"));
  }

  /** Returns the block that the header names, whose pages are sent one by one. */
  ReceivingBlock named(FrameReader reader) throws ProtocolException {
    ReceivingBlock block = receiving.get(reader.block());
    if (block == null) {
      throw new ProtocolException(
          reader.type() + ": block " + reader.block() + ", expected one of " + receiving.keySet());
    }
    return block;
  }

  /** Returns the blocks whose pages are sent one by one. */
  Collection<ReceivingBlock> all() {
    return receiving.values();
  }

  /** Returns the balloon bitmap if the source sends it, or null. */
  @Nullable PageBitmap bitmap() {
    return bitmap;
  }

  /** Handles a {@code BITMAP} frame. */
  void bitmapWords(FrameReader reader) throws IOException {
    if (bitmap == null || reader.block() != bitmapNumber) {
      throw new ProtocolException(
          "BITMAP: block "
              + reader.block()
              + (bitmap == null ? ", but none was announced" : ", expected " + bitmapNumber));
    }
    ByteBuffer payload = ByteBuffer.wrap(reader.payload()).order(ByteOrder.LITTLE_ENDIAN);
    BitmapDelta.apply(payload, reader.page(), reader.pages(), bitmap);
  }

  /**
   * Discards pages that were received and are in the balloon by now. Call it between two passes,
   * while no connection receives: before that, a page that was sent and ballooned in the same pass
   * may still arrive over another connection. A page that leaves the balloon is dirty, and arrives
   * in a later pass.
   *
   * @param keepAlive sends a keep-alive to the source
   */
  void discardStale(IoAction keepAlive) throws IOException {
    for (ReceivingBlock block : receiving.values()) {
      if (bitmap != null && block.block().name().equals(RamBlock.RAM)) {
        block.discard(bitmap, keepAlive);
      }
    }
  }

  /** Checks, after the last pass, that all of RAM is as the source sent it. */
  void checkComplete() throws IOException {
    for (ReceivingBlock block : receiving.values()) {
      block.checkComplete();
    }
  }

  /** Frees the host memory of bitmaps; nothing may arrive afterwards. */
  void release() throws IOException {
    for (ReceivingBlock block : receiving.values()) {
      block.release();
    }
  }

  /** Returns how many pages were received with content. */
  long pagesReceived() {
    return receiving.values().stream().mapToLong(ReceivingBlock::pagesReceived).sum();
  }

  /** Returns how many of them were discarded again. */
  long pagesDiscarded() {
    return receiving.values().stream().mapToLong(ReceivingBlock::pagesDiscarded).sum();
  }
}
