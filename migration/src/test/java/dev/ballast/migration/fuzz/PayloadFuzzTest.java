package dev.ballast.migration.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.ballast.migration.protocol.BitmapDelta;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.vmm.memory.PageBitmap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Payloads: refused with a reason, or taken for exactly what they are. */
class PayloadFuzzTest {
  private static final int BITS = 1000;

  /** Reads a payload, and writes what it understood. */
  @FunctionalInterface
  private interface Decoder {
    byte[] again(byte[] payload) throws IOException;
  }

  private static final Decoder[] DECODERS = {
    payload -> Messages.Hello.decode(payload).encode(),
    payload -> Messages.HelloReply.decode(payload, new Messages.Hello(1, 3)).encode(),
    payload -> MigrationConfig.decode(payload, 1).encode(1),
    payload -> MigrationConfig.decode(payload, 3).encode(3),
    payload -> StreamSetup.Greeting.decode(payload).encode(),
    payload -> Messages.StateSection.decode(payload).encode(),
    payload -> Messages.StateEnd.decode(payload).encode(),
    payload -> MigrationConfig.decode(payload, 4).encode(4),
    payload -> MigrationConfig.decode(payload, 5).encode(5),
    payload -> MigrationConfig.decode(payload, 6).encode(6)
  };

  /** The first byte says whose payload the rest is. */
  @FuzzTest(maxDuration = "2m")
  void payload(byte[] data) {
    if (data.length == 0) {
      return;
    }
    byte[] payload = Arrays.copyOfRange(data, 1, data.length);
    try {
      byte[] again = DECODERS[(data[0] & 0xff) % DECODERS.length].again(payload);
      assertThat(again).as("what was understood").isEqualTo(payload);
    } catch (IOException e) {
      assertThat(e.getMessage()).isNotBlank().hasLineCount(1);
    }
    assertThat(Messages.Failure.decode(payload).reason().chars())
        .as("what a terminal is told")
        .noneMatch(Character::isISOControl);
  }

  /** The first bytes are the header's page and pages. */
  @FuzzTest(maxDuration = "2m")
  void bitmap(byte[] data) {
    if (data.length < 2 * Long.BYTES) {
      return;
    }
    ByteBuffer bytes = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
    long first = bytes.getLong();
    long words = bytes.getLong();
    PageBitmap bitmap = PageBitmap.allocate(BITS);
    try {
      BitmapDelta.apply(bytes, first, words, bitmap);
    } catch (ProtocolException e) {
      assertThat(e.getMessage()).isNotBlank().hasLineCount(1);
    }
    for (long word = 0; word < bitmap.wordCount(); word++) {
      if (word < first || word - first >= words) {
        assertThat(bitmap.word(word)).as("word %d, %d from %d", word, words, first).isZero();
      }
    }
    assertThat(bitmap.word(bitmap.wordCount() - 1) >>> (BITS % 64)).as("past the end").isZero();
  }
}
