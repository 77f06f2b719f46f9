package dev.ballast.migration.source;

import dev.ballast.migration.protocol.BitmapDelta;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.FrameWriter;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Sends the words of the balloon bitmap that differ from what the destination has. One thread; the
 * balloon changes the bitmap meanwhile.
 */
final class BitmapSender {
  private static final long WORDS_PER_PAGE = RamBlock.PAGE_SIZE / Long.BYTES;

  private final int number;
  private final RamBlock block;
  private final PageBitmap bitmap;
  private final PageBitmap atDestination;
  private final PageBitmap fetched;
  private final PageBitmap changed;
  private final FrameWriter writer;
  private final ByteBuffer payload =
      ByteBuffer.allocate(FrameType.BITMAP.maxPayload()).order(ByteOrder.LITTLE_ENDIAN);
  private final BitmapDelta.Encoder encoder = new BitmapDelta.Encoder(payload);
  private boolean asEmpty;

  /**
   * @param number of the block in frame headers
   * @param block whose memory is the bitmap
   * @param bits how many bits it has
   * @param writer the frames go there
   */
  BitmapSender(int number, RamBlock block, long bits, FrameWriter writer) {
    this.number = number;
    this.block = block;
    this.bitmap = PageBitmap.over(block.memory(), bits);
    this.atDestination = PageBitmap.allocate(bits);
    this.fetched = PageBitmap.allocate(block.pages());
    this.changed = PageBitmap.allocate(block.pages());
    this.writer = writer;
    changed.setAll();
  }

  RamBlock block() {
    return block;
  }

  /** Frees the host memory of its bitmaps; nothing may be sent afterwards. */
  void release() throws IOException {
    atDestination.release();
    fetched.release();
    changed.release();
  }

  /** Fetches which parts of the bitmap were written. */
  void sync() throws IOException {
    block.fetchDirtyLog(fetched);
    fetched.drainTo(changed);
  }

  /** Makes the destination's bitmap empty from now on, whatever the balloon does. */
  void sendAsEmpty() {
    asEmpty = true;
    changed.setAll();
  }

  /**
   * Sends what changed.
   *
   * @return how many bytes of payload that took; 0 if nothing did
   */
  long sendPass() throws IOException {
    long bytes = 0;
    boolean open = false;
    long page = changed.nextSet(0);
    for (; page < changed.size(); page = changed.nextSet(page + 1)) {
      changed.remove(page);
      long end = Math.min(bitmap.wordCount(), (page + 1) * WORDS_PER_PAGE);
      if (!asEmpty && isAtDestination(page * WORDS_PER_PAGE, end)) {
        continue;
      }
      for (long i = page * WORDS_PER_PAGE; i < end; i++) {
        long word = asEmpty ? 0 : bitmap.word(i);
        if (word != atDestination.word(i)) {
          atDestination.setWord(i, word);
          if (!open) {
            encoder.start(i);
            open = true;
          }
          encoder.put(i, word);
          if (!encoder.hasRoom()) {
            bytes += send();
            open = false;
          }
        }
      }
    }
    return open ? bytes + send() : bytes;
  }

  private boolean isAtDestination(long fromWord, long endWord) {
    long from = fromWord * Long.BYTES;
    long end = endWord * Long.BYTES;
    return MemorySegment.mismatch(bitmap.memory(), from, end, atDestination.memory(), from, end)
        < 0;
  }

  private long send() throws IOException {
    ByteBuffer finished = encoder.finish();
    long bytes = finished.remaining();
    writer.frame(FrameType.BITMAP, number, encoder.firstWord(), encoder.words(), finished);
    return bytes;
  }
}
