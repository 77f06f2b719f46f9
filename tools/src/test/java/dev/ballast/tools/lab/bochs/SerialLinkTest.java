package dev.ballast.tools.lab.bochs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Random;
import java.util.concurrent.FutureTask;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** Input over a port without flow control, and what acknowledges it. */
class SerialLinkTest {
  private final SerialLink link = new SerialLink();

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private static byte[] decode(String lines) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    lines.lines().forEach(line -> bytes.writeBytes(Base64.getDecoder().decode(line)));
    return bytes.toByteArray();
  }

  private byte[] text(String port) throws IOException {
    return link.text(new ByteArrayInputStream(port.getBytes(StandardCharsets.US_ASCII)))
        .readAllBytes();
  }

  @Test
  void bytesArriveAsLinesAndTheEndAsAnEmptyOne() throws IOException {
    ByteArrayOutputStream port = new ByteArrayOutputStream();
    byte[] sent = random(2000);
    try (OutputStream lines = link.lines(port)) {
      lines.write(sent);
      lines.write(7);
    }
    String received = port.toString(StandardCharsets.US_ASCII);
    assertThat(received).endsWith("\n\n");
    assertThat(received.lines()).allMatch(line -> line.length() <= 1024);
    assertThat(decode(received)).startsWith(sent).endsWith((byte) 7).hasSize(2001);
  }

  @Test
  void acknowledgementsAreNoPartOfTheText() throws IOException {
    assertThat(text("\006\0060\n\026\0061\026\n")).asString().isEqualTo("0\n1\n");
    assertThat(text("\026\006")).isEmpty();
  }

  @Test
  void onlySoMuchIsOnItsWay() throws Exception {
    ByteArrayOutputStream port = new ByteArrayOutputStream();
    byte[] sent = random(100_000);
    FutureTask<Void> writing =
        new FutureTask<>(
            () -> {
              try (OutputStream lines = link.lines(port)) {
                lines.write(sent);
              }
              return null;
            });
    Thread writer = Thread.ofPlatform().start(writing);
    Awaitility.await().until(() -> writer.getState() == Thread.State.WAITING);
    assertThat(port.size()).isEqualTo(8 * 1025);

    PipedOutputStream level1 = new PipedOutputStream();
    try (InputStream control = link.text(new PipedInputStream(level1))) {
      level1.write("\006x".getBytes(StandardCharsets.US_ASCII));
      assertThat(control.read()).isEqualTo('x');
      Awaitility.await().until(() -> port.size() == 9 * 1025);
      assertThat(writing.isDone()).isFalse();

      level1.write(("\006".repeat(200) + "y").getBytes(StandardCharsets.US_ASCII));
      assertThat(control.read()).isEqualTo('y');
      writing.get();
      assertThat(decode(port.toString(StandardCharsets.US_ASCII))).isEqualTo(sent);
    }
  }

  @Test
  void whoWaitsForAMachineThatDiesIsTold() throws Exception {
    FutureTask<Void> writing =
        new FutureTask<>(
            () -> {
              link.lines(OutputStream.nullOutputStream()).write(random(100_000));
              return null;
            });
    Thread writer = Thread.ofPlatform().start(writing);
    Awaitility.await().until(() -> writer.getState() == Thread.State.WAITING);
    assertThat(text("")).isEmpty();
    assertThatThrownBy(writing::get)
        .hasCauseInstanceOf(IOException.class)
        .hasMessageContaining("the lab has ended");
  }
}
