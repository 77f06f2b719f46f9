package dev.ballast.guest.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class LinuxGuestConsoleTest {
  private static final Duration LONG = Duration.ofSeconds(20);
  private static final Duration SHORT = Duration.ofMillis(50);

  private final PipedOutputStream guestOut = new PipedOutputStream();
  private final PipedInputStream guestIn = new PipedInputStream();
  private final LinuxGuestConsole console;
  private final BufferedReader commands =
      new BufferedReader(new InputStreamReader(guestIn, StandardCharsets.UTF_8));

  LinuxGuestConsoleTest() throws IOException {
    console = new LinuxGuestConsole(new PipedInputStream(guestOut), new PipedOutputStream(guestIn));
  }

  @AfterEach
  void close() throws IOException {
    console.close();
  }

  @Test
  void understandsReadyAndCounts() throws Exception {
    guestSays("[    0.1] booting", "GUEST ready release=6.1.0 MemTotal=1000 cpus=2", "COUNT 1");
    assertThat(console.awaitReady(LONG)).isEqualTo(new LinuxGuestConsole.Ready("6.1.0", 1000, 2));
    guestSays("COUNT 2", "COUNT 3x", "x COUNT 9", "COUNT 3");
    assertThat(console.awaitCount(3, LONG)).isEqualTo(3);
    assertThat(console.countWentBackwards()).isFalse();
    guestSays("COUNT 3", "COUNT 4");
    console.awaitCount(4, LONG);
    assertThat(console.countWentBackwards()).isTrue();
  }

  @Test
  void startsANewCountAfterAReboot() throws Exception {
    guestSays("GUEST ready release=a MemTotal=1 cpus=1", "COUNT 70");
    console.awaitCount(70, LONG);
    CompletableFuture<Void> guest =
        guestAnswers("@1 reboot", "GUEST ok reboot @1", "GUEST ready release=b MemTotal=1 cpus=1");
    assertThat(console.reboot(LONG).release()).isEqualTo("b");
    guest.join();
    guestSays("COUNT 1");
    assertThat(console.awaitCount(1, LONG)).isEqualTo(1);
    assertThat(console.countWentBackwards()).isFalse();
  }

  @Test
  void returnsTheReplyToItsOwnCommandOnly() throws Exception {
    assertThatThrownBy(() -> console.hash(SHORT))
        .isInstanceOf(GuestConsoleException.class)
        .hasMessageContaining("waited 50 ms for a reply to hash");
    assertThat(commands.readLine()).isEqualTo("@1 hash");
    CompletableFuture<Void> guest =
        guestAnswers(
            "@2 mem",
            "GUEST ok hash md5=late bytes=1 ms=1 @1",
            "GUEST ok mem MemTotal=9 MemFree=8 MemAvailable=7 @2");
    assertThat(console.memory(LONG)).isEqualTo(new LinuxGuestConsole.Memory(9, 8, 7));
    guest.join();
  }

  @Test
  void turnsErrorsAndNonsenseIntoExceptions() throws Exception {
    CompletableFuture<Void> guest = guestAnswers("@1 touch 5", "GUEST error touch no space @1");
    assertThatThrownBy(() -> console.touch(5, LONG))
        .isInstanceOf(GuestConsoleException.class)
        .hasMessage("the guest cannot touch 5: touch no space");
    guest.join();
    guest = guestAnswers("@2 count", "GUEST ok count n=many ms=1 @2");
    assertThatThrownBy(() -> console.count(LONG)).hasMessageContaining("bad n: many");
    guest.join();
    assertThatThrownBy(() -> console.send("two\nlines", LONG))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void survivesAGuestThatNeverEndsItsLines() throws Exception {
    guestOut.write("x".repeat(3 * 4096).getBytes(StandardCharsets.US_ASCII));
    guestSays("", "COUNT 5");
    assertThat(console.awaitCount(5, LONG)).isEqualTo(5);
    assertThat(console.recentLines()).contains("x".repeat(4096));
  }

  @Test
  void tellsThoseWhoWaitThatTheConsoleEnded() throws Exception {
    guestSays("Kernel panic - not syncing");
    guestOut.close();
    assertThatThrownBy(() -> console.awaitReady(LONG))
        .isInstanceOf(GuestConsoleException.class)
        .hasMessageContaining("console ended")
        .hasMessageContaining("Kernel panic");
  }

  private void guestSays(String... lines) throws IOException {
    for (String line : lines) {
      guestOut.write((line + "\r\n").getBytes(StandardCharsets.UTF_8));
    }
    guestOut.flush();
  }

  private CompletableFuture<Void> guestAnswers(String command, String... lines) {
    return CompletableFuture.runAsync(
        () -> {
          try {
            assertThat(commands.readLine()).isEqualTo(command);
            guestSays(lines);
          } catch (IOException e) {
            throw new AssertionError(e);
          }
        });
  }
}
