package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class StreamSerialBackendTest {
  /** More than the buffer. */
  private static final String LONG_TEXT = "0123456789abcdef\n".repeat(20_000);

  private final RecordingGuest guest = new RecordingGuest();

  @Test
  void fileHoldsEveryByte(@TempDir Path directory) throws Exception {
    Path path = Files.writeString(directory.resolve("console.log"), "from an earlier run");
    StreamSerialBackend backend = StreamSerialBackend.file(path);
    backend.start(guest);
    guest.transmit(backend, LONG_TEXT);
    backend.close();
    assertThat(path).hasContent(LONG_TEXT);
    assertThat(guest.input()).isEmpty();
  }

  @Test
  void inputArrivesUntilItEnds() {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    StreamSerialBackend backend =
        new StreamSerialBackend(
            "test",
            new ByteArrayInputStream(LONG_TEXT.getBytes(StandardCharsets.US_ASCII)),
            output);
    backend.start(guest);
    await().until(guest::input, LONG_TEXT::equals);
    assertThat(backend.transmit((byte) 'x')).as("output goes on").isTrue();
    backend.close();
    assertThat(output.toString(StandardCharsets.US_ASCII)).isEqualTo("x");
  }

  @Test
  void noInputIsLostWhenTheGuestIsSlow() {
    guest.limitTo(0);
    StreamSerialBackend backend =
        new StreamSerialBackend(
            "test",
            new ByteArrayInputStream(LONG_TEXT.getBytes(StandardCharsets.US_ASCII)),
            OutputStream.nullOutputStream());
    backend.start(guest);
    while (guest.input().length() < LONG_TEXT.length()) {
      String before = guest.input();
      guest.makeRoom(backend, 7001);
      await().until(() -> guest.input().length() > before.length());
    }
    assertThat(guest.input()).isEqualTo(LONG_TEXT);
    backend.close();
  }

  @Test
  void closeEndsAReaderThatWaitsForTheGuest() throws Exception {
    guest.limitTo(3);
    StreamSerialBackend backend =
        new StreamSerialBackend(
            "test",
            new ByteArrayInputStream(LONG_TEXT.getBytes(StandardCharsets.US_ASCII)),
            OutputStream.nullOutputStream());
    backend.start(guest);
    await().until(guest::input, "012"::equals);
    backend.close();
    backend.awaitReaderEnd();
    assertThat(guest.input()).isEqualTo("012");
  }

  /** Writes only as often as it is let. */
  private static final class SlowStream extends OutputStream {
    final Semaphore writes = new Semaphore(0);
    final ByteArrayOutputStream written = new ByteArrayOutputStream();

    @Override
    public void write(int value) throws IOException {
      write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      try {
        writes.acquire();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
      written.write(bytes, offset, length);
    }
  }

  @Test
  void slowStreamRefusesAndLosesNothing() throws InterruptedException {
    SlowStream slow = new SlowStream();
    StreamSerialBackend backend =
        new StreamSerialBackend("test", InputStream.nullInputStream(), slow);
    backend.start(guest);
    int taken = 0;
    while (backend.transmit((byte) LONG_TEXT.charAt(taken))) {
      taken++;
    }
    assertThat(taken).isBetween(64 << 10, LONG_TEXT.length() - 1);
    assertThat(backend.transmit((byte) '!')).as("still full").isFalse();
    assertThat(guest.readyCalls()).isLessThanOrEqualTo(1);
    slow.writes.release(1_000_000);
    await().until(() -> guest.readyCalls() >= 1);
    guest.transmit(backend, LONG_TEXT.substring(taken));
    backend.close();
    assertThat(slow.written.toString(StandardCharsets.US_ASCII)).isEqualTo(LONG_TEXT);
  }

  @Test
  void brokenStreamDoesNotStopTheGuest() throws Exception {
    PipedInputStream reader = new PipedInputStream();
    PipedOutputStream broken = new PipedOutputStream(reader);
    reader.close();
    StreamSerialBackend backend =
        new StreamSerialBackend("test", InputStream.nullInputStream(), broken);
    backend.start(guest);
    guest.transmit(backend, LONG_TEXT);
    backend.close();
  }

  @Test
  void closeDoesNotWaitForAStuckStreamForLong() {
    SlowStream stuck = new SlowStream();
    StreamSerialBackend backend =
        new StreamSerialBackend("test", InputStream.nullInputStream(), stuck);
    backend.start(guest);
    backend.transmit((byte) 'x');
    backend.close();
    assertThat(stuck.written.size()).isZero();
  }
}
