package dev.ballast.migration.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.memory.PageBitmap;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class BitmapDeltaTest {
  private static final int BITS = 64 * 300 + 17;

  private static ByteBuffer buffer(int bytes) {
    return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Sends the difference between two bitmaps in as many payloads as it takes; returns the bytes.
   */
  private static long send(PageBitmap from, PageBitmap to, int payloadBytes)
      throws ProtocolException {
    BitmapDelta.Encoder encoder = new BitmapDelta.Encoder(buffer(payloadBytes));
    long bytes = 0;
    boolean open = false;
    for (long i = 0; i < from.wordCount(); i++) {
      if (from.word(i) != to.word(i)) {
        if (!open) {
          encoder.start(i);
          open = true;
        }
        encoder.put(i, from.word(i));
        if (!encoder.hasRoom()) {
          bytes += apply(encoder, to);
          open = false;
        }
      }
    }
    return open ? bytes + apply(encoder, to) : bytes;
  }

  private static long apply(BitmapDelta.Encoder encoder, PageBitmap to) throws ProtocolException {
    ByteBuffer payload = encoder.finish();
    long bytes = payload.remaining();
    BitmapDelta.apply(payload, encoder.firstWord(), encoder.words(), to);
    return bytes;
  }

  @Test
  void whatWasSentArrives() throws ProtocolException {
    for (long seed = 0; seed < 500; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      PageBitmap from = PageBitmap.allocate(BITS);
      PageBitmap to = PageBitmap.allocate(BITS);
      for (int round = 0; round < 4; round++) {
        for (int i = random.nextInt(20); i > 0; i--) {
          long first = random.nextLong(BITS);
          long count = 1 + random.nextLong(Math.min(BITS - first, 1L << random.nextInt(14)));
          if (random.nextInt(3) == 0) {
            from.clear(first, count);
          } else {
            from.set(first, count);
          }
        }
        send(from, to, 64 + random.nextInt(2000));
        for (long i = 0; i < from.wordCount(); i++) {
          assertThat(to.word(i))
              .as("seed %d, round %d, word %d", seed, round, i)
              .isEqualTo(from.word(i));
        }
      }
    }
  }

  @Test
  void aUniformBalloonCostsBytes() throws ProtocolException {
    long bits = 64L << 20;
    PageBitmap from = PageBitmap.allocate(bits);
    from.set(100, bits - 1000);
    assertThat(send(from, PageBitmap.allocate(bits), 65536)).isLessThan(100);
  }

  @Test
  void aCheckerboardCostsItsWordsAndAlmostNothingMore() throws ProtocolException {
    PageBitmap from = PageBitmap.allocate(64 * 1000);
    for (long i = 0; i < 1000; i++) {
      from.setWord(i, i + 1);
    }
    assertThat(send(from, PageBitmap.allocate(64 * 1000), 65536)).isEqualTo(8008);
  }

  @Test
  void hostilePayloadsAreRefusedAndNamed() {
    PageBitmap into = PageBitmap.allocate(BITS);
    long words = into.wordCount();
    refused(into, words, 1, "the bitmap has 301", 0, 3, 1, 0);
    refused(into, -1, 2, "words -1", 0, 3, 1, 0);
    refused(into, Long.MAX_VALUE, 2, "the bitmap has", 0, 3, 1, 0);
    refused(into, 0, Long.MAX_VALUE, "the bitmap has", 0, 3, 1, 0);
    refused(into, 0, 0, "the bitmap has", 0, 3, 1, 0);
    refused(into, 0, 2, "2147483647 words at word 0", 0, -1, 1, 0);
    refused(into, 0, 2, "0 words at word 0", 0, 1, 1, 0);
    refused(into, 0, 2, "at word 4294967295", -1, 3, 1, 0);
    refused(into, 0, 2, "2 words in 8 bytes", 0, 4, 1, 0);
    refused(into, 0, 3, "ends at word 1, the header says 3", 0, 3, 1, 0);
    refused(into, 0, 2, "4 bytes are left over", 0, 3, 1, 0, 9);
    refused(
        into,
        300,
        1,
        "word 300 is 0x0000000000020000; the bitmap has 19217 bits",
        0,
        3,
        1 << 17,
        0);
    assertThat(into.word(300)).isZero();
  }

  private static void refused(
      PageBitmap into, long first, long words, String message, int... payload) {
    ByteBuffer bytes = buffer(payload.length * Integer.BYTES);
    bytes.asIntBuffer().put(payload);
    assertThatThrownBy(() -> BitmapDelta.apply(bytes, first, words, into))
        .isInstanceOf(ProtocolException.class)
        .hasMessageStartingWith("BITMAP: ")
        .hasMessageContaining(message);
  }

  @Test
  void noiseIsRefusedOrHarmless() {
    long bits = BITS;
    PageBitmap into = PageBitmap.allocate(bits);
    for (long seed = 0; seed < 20_000; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      byte[] noise = new byte[random.nextInt(100)];
      random.nextBytes(noise);
      for (int i = 0; i + 7 < noise.length; i += 16) {
        noise[i + 1] = noise[i + 2] = noise[i + 3] = 0;
        noise[i + 5] = noise[i + 6] = noise[i + 7] = 0;
      }
      try {
        BitmapDelta.apply(
            ByteBuffer.wrap(noise).order(ByteOrder.LITTLE_ENDIAN),
            random.nextLong(310),
            random.nextLong(310),
            into);
      } catch (ProtocolException e) {
        assertThat(e).hasMessageStartingWith("BITMAP: ");
      }
      assertThat(into.word(300) >>> 17).as("bits past the end, seed %d", seed).isZero();
    }
  }
}
