package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class KeyboardTest {
  private static final String EXIT = "\001x";

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static Keyboard typed(InputStream keys) {
    Keyboard keyboard = new Keyboard(keys);
    keyboard.start();
    return keyboard;
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 1000})
  void ctrlAIsForBallastHoweverTheKeysArrive(int chunk) throws IOException {
    InputStream keys =
        new ByteArrayInputStream(bytes("one\001a two\001\001 \001zthree\003" + EXIT + "four")) {
          @Override
          public synchronized int read(byte[] into, int offset, int length) {
            return super.read(into, offset, Math.min(length, chunk));
          }
        };
    Keyboard keyboard = typed(keys);
    assertThat(new String(keyboard.readAllBytes(), StandardCharsets.US_ASCII))
        .isEqualTo("one\001 two\001 three\003four");
    assertThat(keyboard.exit()).isCompleted();
  }

  /** The guest takes nothing: it is stopped, or has left. */
  @Test
  void exitIsSeenWhateverTheGuestTakes() throws Exception {
    AtomicInteger bells = new AtomicInteger();
    try (PipedInputStream keys = new PipedInputStream();
        PipedOutputStream typing = new PipedOutputStream(keys)) {
      Keyboard keyboard = typed(keys);
      keyboard.onDropped(bells::incrementAndGet);
      String text = "0123456789".repeat(Keyboard.TYPE_AHEAD / 5);
      typing.write(bytes(text));
      typing.flush();
      await().untilAtomic(bells, count -> assertThat(count).isPositive());
      assertThat(keyboard.exit()).isNotDone();
      typing.write(bytes(EXIT));
      typing.flush();
      keyboard.exit().join();

      String kept = text.substring(0, Keyboard.TYPE_AHEAD);
      assertThat(keyboard.readNBytes(kept.length())).isEqualTo(bytes(kept));
      typing.write(bytes("later"));
      typing.flush();
      assertThat(keyboard.readNBytes(5)).isEqualTo(bytes("later"));
    }
  }

  @Test
  void exitThatIsTypedEarlyIsCarriedOutLater() {
    Keyboard keyboard = typed(new ByteArrayInputStream(bytes(EXIT)));
    keyboard.exit().join();
    AtomicInteger exits = new AtomicInteger();
    assertThat(keyboard.exit().thenRun(exits::incrementAndGet)).isCompleted();
    assertThat(exits).hasValue(1);
  }
}
