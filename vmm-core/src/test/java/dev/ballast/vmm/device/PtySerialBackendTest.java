package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PtySerialBackendTest {
  private final RecordingGuest guest = new RecordingGuest();
  private final PtySerialBackend backend;

  PtySerialBackendTest() throws IOException {
    backend = PtySerialBackend.open();
    backend.start(guest);
  }

  @Test
  void usersComeAndGo() throws Exception {
    guest.transmit(backend, "raw\n");
    for (int i = 1; i <= 2; i++) {
      String path = backend.path().toString();
      try (FileInputStream screen = new FileInputStream(path);
          FileOutputStream keyboard = new FileOutputStream(path)) {
        assertThat(screen.readNBytes(4)).asString(StandardCharsets.US_ASCII).isEqualTo("raw\n");
        keyboard.write("in\r".getBytes(StandardCharsets.US_ASCII));
        String seen = "in\r".repeat(i);
        await().until(guest::input, seen::equals);
      }
      guest.transmit(backend, "raw\n");
    }
    backend.close();
    assertThat(guest.input()).as("what wakes the reader up is no input").isEqualTo("in\rin\r");
  }

  /** The guest reads nothing: what is typed waits, and output and the end come nevertheless. */
  @Test
  void guestThatDoesNotReadStopsNobody() throws Exception {
    guest.limitTo(3);
    String path = backend.path().toString();
    try (FileInputStream screen = new FileInputStream(path);
        FileOutputStream keyboard = new FileOutputStream(path)) {
      Thread.ofPlatform().daemon().start(() -> typeUntilClosed(keyboard));
      await().until(guest::input, "key"::equals);
      guest.transmit(backend, "raw\n");
      assertThat(screen.readNBytes(4)).asString(StandardCharsets.US_ASCII).isEqualTo("raw\n");
      guest.makeRoom(backend, 30_000);
      await().until(() -> guest.input().length() == 30_003);
      assertThat(guest.input()).isEqualTo("key".repeat(10_001));
      backend.close();
    }
  }

  private static void typeUntilClosed(FileOutputStream keyboard) {
    byte[] keys = "key".repeat(100_000).getBytes(StandardCharsets.US_ASCII);
    assertThatThrownBy(() -> keyboard.write(keys)).isInstanceOf(IOException.class);
  }

  @Test
  void nobodyReadingStopsNobody() throws Exception {
    guest.transmit(backend, "x".repeat(1_000_000));
    assertThat(guest.readyCalls()).isZero();
    backend.close();
  }

  /** The numbers of its descriptors may be another file's by then. */
  @Test
  void aSecondCloseTouchesNothing(@TempDir Path directory) throws IOException {
    PtySerialBackend pty = PtySerialBackend.open();
    pty.close();
    List<FileChannel> others = new ArrayList<>();
    try {
      for (int i = 0; i < 8; i++) {
        others.add(
            FileChannel.open(
                directory.resolve("file" + i),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE));
      }
      pty.close();
      for (FileChannel other : others) {
        assertThat(other.size()).isZero();
        assertThat(other.isOpen()).isTrue();
      }
    } finally {
      for (FileChannel other : others) {
        other.close();
      }
    }
  }
}
