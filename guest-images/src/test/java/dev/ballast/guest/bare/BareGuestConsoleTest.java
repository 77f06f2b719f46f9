package dev.ballast.guest.bare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The client against a guest whose lines are written by the test; tags start at 1. */
final class BareGuestConsoleTest {
  private static final Duration SOON = Duration.ofSeconds(10);

  private final ByteArrayOutputStream sent = new ByteArrayOutputStream();
  private PipedOutputStream guest;
  private BareGuestConsole console;

  @BeforeEach
  void open() throws IOException {
    guest = new PipedOutputStream();
    console = new BareGuestConsole(new PipedInputStream(guest, 1 << 16), sent);
  }

  @AfterEach
  void close() throws IOException {
    console.close();
    guest.close();
  }

  private void write(String lines) throws IOException {
    guest.write(lines.getBytes(StandardCharsets.US_ASCII));
    guest.flush();
  }

  @Test
  void readsTheFirstLineAndReplies() throws IOException, InterruptedException {
    write("firmware noise\nBARE 1 ready memory=1024 cpus=1\n");
    write("BARE beat count=5 tsc=6\nBARE ok peek value=0xffffffffffffffff @1\n");
    assertThat(console.awaitReady(SOON)).isEqualTo(new BareGuestConsole.Ready(1024, 1));
    BareReply reply = console.send("peek 0", SOON);
    assertThat(sent.toString(StandardCharsets.US_ASCII)).isEqualTo("peek 0 @1\n");
    assertThat(reply.number("value")).isEqualTo(-1);
    assertThat(console.lastBeat()).isEqualTo(5);
    assertThatThrownBy(() -> reply.number("other")).isInstanceOf(BareGuestException.class);
  }

  @Test
  void passesOverRepliesToOtherCommands() throws IOException, InterruptedException {
    assertThatThrownBy(() -> console.send("mem", Duration.ofMillis(10)))
        .isInstanceOf(BareGuestException.class)
        .hasMessageContaining("waited 10 ms for a reply to mem");
    write("BARE ok mem free=1 @1\nBARE ok mem free=2\nBARE ok mem free=3 @2\n");
    assertThat(console.send("mem", SOON).number("free")).isEqualTo(3);
  }

  @Test
  void tellsErrorsFromReplies() throws IOException, InterruptedException {
    write("BARE err inflate no free page pages=7 @1\nBARE err inflate no free page pages=7 @2\n");
    BareReply reply = console.ask("inflate 9", SOON);
    assertThat(reply.ok()).isFalse();
    assertThat(reply.number("pages")).isEqualTo(7);
    assertThatThrownBy(() -> console.send("inflate 9", SOON))
        .isInstanceOf(BareGuestException.class)
        .hasMessageContaining("cannot inflate 9: no free page pages=7");
  }

  @Test
  void saysWhenTheGuestIsGone() throws IOException {
    write("BARE panic exception vector=13\n");
    assertThatThrownBy(() -> console.send("count", SOON)).hasMessageContaining("vector=13");
    assertThatThrownBy(() -> console.send("count", SOON)).hasMessageContaining("vector=13");
  }

  @Test
  void saysWhenTheLineEnds() throws IOException {
    guest.close();
    assertThatThrownBy(() -> console.awaitReady(SOON)).hasMessageContaining("serial line ended");
  }

  @Test
  void sendsOneLineOnly() {
    assertThatThrownBy(() -> console.send("count\nreboot", SOON))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(sent.size()).isZero();
  }
}
