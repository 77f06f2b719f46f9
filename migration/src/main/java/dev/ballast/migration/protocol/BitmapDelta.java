package dev.ballast.migration.protocol;

import dev.ballast.vmm.memory.PageBitmap;
import java.nio.ByteBuffer;

/**
 * The payload of {@link FrameType#BITMAP}: 64-bit words of a bitmap that changed, run-length coded.
 *
 * <p>It is a sequence of groups. A group is a {@code u32} count of words to step over, a {@code
 * u32} whose bits 31 to 1 are a count of words, at least 1, and then the words: if bit 0 of the
 * second field is 0, as many as the count says; if it is 1, one, which stands for all of them. The
 * header's page is the number of the word at which the first step starts, its page count the number
 * of words from there to the end of the last group.
 */
public final class BitmapDelta {
  private static final int GROUP_HEADER = 2 * Integer.BYTES;

  private BitmapDelta() {}

  /** Gathers changed words, ascending, into a payload. One thread. */
  public static final class Encoder {
    private final ByteBuffer out;
    private long first;
    private long next;
    private long runStart;
    private long runLength;
    private long runValue;
    private int literalHeader = -1;
    private int literalCount;

    /**
     * @param out the payload, little-endian, at least 64 bytes
     */
    public Encoder(ByteBuffer out) {
      this.out = out;
    }

    /** Starts an empty payload at a word. */
    public void start(long word) {
      out.clear();
      first = word;
      next = word;
      runLength = 0;
      literalHeader = -1;
    }

    /** Returns whether another word is certain to fit. */
    public boolean hasRoom() {
      // The run that is still open and the new word: a group each.
      return out.remaining() >= 2 * (GROUP_HEADER + Long.BYTES);
    }

    /**
     * Adds a word.
     *
     * @param word its number, larger than that of the word before
     * @param value its new value
     */
    public void put(long word, long value) {
      if (runLength > 0 && value == runValue && word == runStart + runLength) {
        runLength++;
        return;
      }
      endRun();
      runStart = word;
      runLength = 1;
      runValue = value;
    }

    private void endRun() {
      if (runLength == 0) {
        return;
      }
      boolean repeat = runLength > 1;
      if (!repeat && literalHeader >= 0 && runStart == next) {
        literalCount++;
        out.putInt(literalHeader, literalCount << 1);
      } else {
        out.putInt((int) (runStart - next));
        literalHeader = repeat ? -1 : out.position();
        literalCount = 1;
        out.putInt((int) runLength << 1 | (repeat ? 1 : 0));
      }
      out.putLong(runValue);
      next = runStart + runLength;
      runLength = 0;
    }

    /**
     * Ends the payload and returns the buffer with the payload remaining in it; empty if no word
     * was put.
     */
    public ByteBuffer finish() {
      endRun();
      return out.flip();
    }

    /** Returns the word that {@link #start} named. */
    public long firstWord() {
      return first;
    }

    /** Returns how many words the payload spans, after {@link #finish}. */
    public long words() {
      return next - first;
    }
  }

  /**
   * Writes the words of a payload into a bitmap.
   *
   * @param payload little-endian
   * @param first the header's page
   * @param words the header's page count
   * @param into the bitmap; bits past its end must be 0 in the payload
   * @throws ProtocolException if the payload is malformed; words before the fault have been written
   */
  public static void apply(ByteBuffer payload, long first, long words, PageBitmap into)
      throws ProtocolException {
    long limit = into.wordCount();
    if (first < 0 || words < 1 || words > limit || first > limit - words) {
      throw new ProtocolException(
          "BITMAP: words " + first + ", " + words + " of them; the bitmap has " + limit);
    }
    long at = first;
    long end = first + words;
    while (payload.hasRemaining()) {
      if (payload.remaining() < GROUP_HEADER + Long.BYTES) {
        throw new ProtocolException("BITMAP: " + payload.remaining() + " bytes are left over");
      }
      at += Integer.toUnsignedLong(payload.getInt());
      int field = payload.getInt();
      int count = field >>> 1;
      boolean repeat = (field & 1) != 0;
      if (count == 0 || count > end - at) {
        throw new ProtocolException(
            "BITMAP: " + count + " words at word " + at + "; the frame ends at word " + end);
      }
      if (!repeat && count > payload.remaining() / Long.BYTES) {
        throw new ProtocolException(
            "BITMAP: " + count + " words in " + payload.remaining() + " bytes");
      }
      long value = payload.getLong();
      for (long i = 0; i < count; i++) {
        if (!repeat && i > 0) {
          value = payload.getLong();
        }
        checkTail(at + i, value, into);
        into.setWord(at + i, value);
      }
      at += count;
    }
    if (at != end) {
      throw new ProtocolException("BITMAP: ends at word " + at + ", the header says " + end);
    }
  }

  private static void checkTail(long word, long value, PageBitmap bitmap) throws ProtocolException {
    long inside = bitmap.size() - (word << 6);
    if (inside < 64 && value >>> inside != 0) {
      throw new ProtocolException(
          "BITMAP: word %d is 0x%016x; the bitmap has %d bits"
              .formatted(word, value, bitmap.size()));
    }
  }
}
