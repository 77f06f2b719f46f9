package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.vmm.state.StateFormatException;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** The UART's life cycle: pausing, migration, reset, end. */
class Serial16550StateTest {
  private static final int BACKLOG = 4096;
  private static final int FIFO = 16;

  private final RecordingLine interrupt = new RecordingLine();
  private final MemorySerialBackend host = new MemorySerialBackend();
  private final Serial16550 uart = new Serial16550("serial0", interrupt, host);

  private static String readAll(Serial16550 from) {
    StringBuilder text = new StringBuilder();
    while ((from.read(5, 1) & 1) != 0) {
      text.append((char) from.read(0, 1));
    }
    return text.toString();
  }

  /** Types on a thread of its own, which ends when all was taken. */
  private Thread typing(String text) {
    return Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                host.type(text);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private static void awaitBlocked(Thread thread) {
    await().until(thread::getState, state -> state == Thread.State.WAITING);
  }

  @Test
  void fullBacklogHoldsTheReaderBack() throws InterruptedException {
    uart.write(2, 1, 1);
    String text = "0123456789".repeat(1000);
    Thread reader = typing(text);
    awaitBlocked(reader);
    StringBuilder got = new StringBuilder();
    while (got.length() < text.length()) {
      got.append(readAll(uart));
    }
    reader.join();
    assertThat(got.toString()).isEqualTo(text);
  }

  @Test
  void guestIsToldOfInputThatDoesNotFit() {
    uart.write(1, 1, 1);
    Thread reader = typing("n".repeat(2 * BACKLOG));
    awaitBlocked(reader);
    assertThat(interrupt.isHigh()).isTrue();
    uart.close();
  }

  @Test
  void nothingMovesWhileQuiesced() throws Exception {
    uart.write(2, 1, 1);
    uart.write(1, 1, 1);
    host.limitTo(0);
    uart.write(0, 1, 'o');
    uart.quiesce();
    byte[] before = StateRoundTrip.save(uart);
    Thread reader = typing("in");
    awaitBlocked(reader);
    host.makeRoom(1);
    assertThat(StateRoundTrip.save(uart)).isEqualTo(before);
    assertThat(host.output()).isEmpty();
    assertThat(interrupt.isHigh()).isFalse();

    uart.resume();
    reader.join();
    assertThat(host.output()).isEqualTo("o");
    assertThat(interrupt.isHigh()).isTrue();
    assertThat(readAll(uart)).isEqualTo("in");
  }

  @Test
  void everythingGoesOnElsewhere() throws Exception {
    uart.write(2, 1, 0x81); // FIFOs, trigger level 8
    uart.write(3, 1, 0x80);
    uart.write(0, 1, 1);
    uart.write(1, 1, 0);
    uart.write(3, 1, 3);
    uart.write(7, 1, 0x77);
    uart.write(4, 1, 0x0b);
    uart.write(1, 1, 0x07);
    host.limitTo(1);
    for (char c : "output".toCharArray()) {
      uart.write(0, 1, c);
    }
    host.type("more input than the FIFO holds");
    byte[] state = StateRoundTrip.save(uart);

    RecordingLine otherInterrupt = new RecordingLine();
    MemorySerialBackend otherHost = new MemorySerialBackend();
    Serial16550 other = new Serial16550("serial0", otherInterrupt, otherHost);
    StateRoundTrip.load(other, state);
    assertThat(StateRoundTrip.save(other)).isEqualTo(state);
    other.resume();
    assertThat(host.output() + otherHost.output()).isEqualTo("output");
    assertThat(otherInterrupt.isHigh()).isTrue();
    assertThat(other.read(2, 1)).isEqualTo(0xc4);
    assertThat(readAll(other)).isEqualTo("more input than the FIFO holds");
    assertThat(other.read(2, 1)).as("output is empty now").isEqualTo(0xc2);
    for (int register : new int[] {1, 3, 4, 6, 7}) {
      assertThat(other.read(register, 1)).isEqualTo(uart.read(register, 1));
    }
  }

  @Test
  void inputThatCameHereComesAfterTheLoaded() throws Exception {
    uart.write(2, 1, 1);
    typing("a".repeat(FIFO + BACKLOG)).join();
    byte[] full = StateRoundTrip.save(uart);

    MemorySerialBackend otherHost = new MemorySerialBackend();
    Serial16550 other = new Serial16550("serial0", new RecordingLine(), otherHost);
    other.write(2, 1, 1);
    String typedEarly = "b".repeat(FIFO + BACKLOG);
    otherHost.type(typedEarly);
    StateRoundTrip.load(other, full);
    assertThat(readAll(other)).isEqualTo("a".repeat(FIFO + BACKLOG) + typedEarly);
  }

  /** However much waits at a hop, the next destination takes it. */
  @Test
  void whatComesTogetherOnManyHopsIsAlwaysTaken() throws Exception {
    uart.write(2, 1, 1);
    typing("a".repeat(FIFO + BACKLOG)).join();
    byte[] state = StateRoundTrip.save(uart);
    Serial16550 last = uart;
    for (int hop = 0; hop < 4; hop++) {
      MemorySerialBackend here = new MemorySerialBackend();
      last = new Serial16550("serial0", new RecordingLine(), here);
      last.write(2, 1, 1);
      here.type("b".repeat(FIFO + BACKLOG));
      StateRoundTrip.load(last, state);
      state = StateRoundTrip.save(last);
    }
    assertThat(readAll(last)).isEqualTo("a".repeat(FIFO + BACKLOG) + "b".repeat(FIFO + BACKLOG));
  }

  @Test
  void aStateThatIsLoadedAgainAndAgainIsTaken() throws Exception {
    uart.write(2, 1, 1);
    typing("a".repeat(FIFO + BACKLOG)).join();
    byte[] state = StateRoundTrip.save(uart);
    for (int i = 0; i < 4; i++) {
      StateRoundTrip.load(uart, state);
    }
    assertThat(readAll(uart)).startsWith("a".repeat(FIFO + BACKLOG));
  }

  @Test
  void hostileStateIsRefused() throws Exception {
    uart.write(2, 1, 1);
    host.limitTo(1);
    uart.write(0, 1, 'x');
    uart.write(0, 1, 'y');
    host.type("some input that is longer than a FIFO");
    byte[] good = StateRoundTrip.save(uart);
    Serial16550 other = new Serial16550("serial0", new RecordingLine(), new MemorySerialBackend());
    for (int i = 0; i < good.length; i++) {
      byte[] truncated = Arrays.copyOf(good, i);
      assertThatThrownBy(() -> StateRoundTrip.load(other, truncated))
          .isInstanceOf(StateFormatException.class);
    }
    byte[] reserved = good.clone();
    reserved[0] = (byte) 0xf0;
    assertThatThrownBy(() -> StateRoundTrip.load(other, reserved))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("serial0: IER 0xf0");
    assertThat(StateRoundTrip.save(other)).as("untouched").hasSizeLessThan(good.length);
  }

  @Test
  void resetReturnsToPowerOn() throws IOException, InterruptedException {
    byte[] powerOn = StateRoundTrip.save(uart);
    uart.write(2, 1, 0xc1);
    uart.write(1, 1, 0x0f);
    uart.write(4, 1, 0x0f);
    uart.write(7, 1, 1);
    uart.write(3, 1, 0x83);
    uart.write(0, 1, 5);
    host.type("x");
    uart.reset();
    assertThat(interrupt.isHigh()).isFalse();
    uart.write(2, 1, 2); // drops what was typed
    assertThat(StateRoundTrip.save(uart)).isEqualTo(powerOn);
  }

  @Test
  void closeLetsAWaitingReaderGo() throws InterruptedException {
    Thread reader = typing("z".repeat(2 * BACKLOG));
    awaitBlocked(reader);
    uart.close();
    assertThat(reader.join(Duration.ofSeconds(10))).isTrue();
  }
}
