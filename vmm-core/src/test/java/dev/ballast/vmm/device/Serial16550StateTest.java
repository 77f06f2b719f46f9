package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.ballast.vmm.state.StateFormatException;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The UART's life cycle: pausing, migration, reset, end. */
class Serial16550StateTest {
  private static final int BACKLOG = 4096;
  private static final int FIFO = 16;

  private final RecordingLine interrupt = new RecordingLine();
  private final MemorySerialBackend host = new MemorySerialBackend();
  private final Serial16550 uart = new Serial16550("serial0", interrupt, host);

  @BeforeEach
  void start() {
    uart.resume();
  }

  private static String readAll(Serial16550 from) {
    StringBuilder text = new StringBuilder();
    while ((from.read(5, 1) & 1) != 0) {
      text.append((char) from.read(0, 1));
    }
    return text.toString();
  }

  /** Types on a thread of its own, which ends when all was taken. */
  private static Thread typing(MemorySerialBackend at, String text) {
    return Thread.ofPlatform()
        .daemon()
        .start(
            () -> {
              try {
                at.type(text);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private static void awaitBlocked(Thread thread) {
    await().until(thread::getState, state -> state == Thread.State.WAITING);
  }

  @Test
  void fullBacklogHoldsTheBackendBack() {
    uart.write(2, 1, 1);
    String text = "0123456789".repeat(1000);
    StringBuilder got = new StringBuilder();
    int typed = host.typeWhatFits(text);
    assertThat(typed).isEqualTo(FIFO + BACKLOG);
    assertThat(host.typeWhatFits(text.substring(typed))).as("no room").isZero();
    for (int round = 0; typed < text.length(); round++) {
      assertThat(host.readyCalls()).isEqualTo(round);
      got.append(readAll(uart));
      assertThat(host.readyCalls()).as("told once that there is room").isEqualTo(round + 1);
      typed += host.typeWhatFits(text.substring(typed));
    }
    got.append(readAll(uart));
    assertThat(got.toString()).isEqualTo(text);
  }

  @Test
  void guestIsToldOfInputThatDoesNotFit() {
    uart.write(1, 1, 1);
    assertThat(host.typeWhatFits("n".repeat(2 * BACKLOG))).isEqualTo(1 + BACKLOG);
    assertThat(interrupt.isHigh()).isTrue();
  }

  @Test
  void nothingIsTakenBeforeTheMachineRuns() {
    MemorySerialBackend early = new MemorySerialBackend();
    Serial16550 stopped = new Serial16550("serial0", new RecordingLine(), early);
    assertThat(early.typeWhatFits("early")).isZero();
    assertThat(early.readyCalls()).isZero();
    stopped.resume();
    assertThat(early.readyCalls()).isEqualTo(1);
    assertThat(early.typeWhatFits("early")).isEqualTo(5);
  }

  @Test
  void nothingMovesWhileQuiesced() throws Exception {
    uart.write(2, 1, 1);
    uart.write(1, 1, 1);
    host.limitTo(0);
    uart.write(0, 1, 'o');
    uart.quiesce();
    byte[] before = StateRoundTrip.save(uart);
    Thread reader = typing(host, "in");
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
  void whatWasTypedBeforeTheStateCameIsDeliveredOnceAndAfterIt() throws Exception {
    uart.write(2, 1, 1);
    host.type("a".repeat(FIFO + BACKLOG));
    byte[] arriving = StateRoundTrip.save(uart);

    MemorySerialBackend otherHost = new MemorySerialBackend();
    Serial16550 other = new Serial16550("serial0", new RecordingLine(), otherHost);
    String typedEarly = "b".repeat(FIFO + BACKLOG);
    Thread reader = typing(otherHost, typedEarly);
    awaitBlocked(reader);
    StateRoundTrip.load(other, StateRoundTrip.save(other));
    StateRoundTrip.load(other, arriving);
    assertThat(StateRoundTrip.save(other)).isEqualTo(arriving);
    other.resume();
    StringBuilder got = new StringBuilder();
    while (reader.isAlive()) {
      got.append(readAll(other));
    }
    assertThat(got.append(readAll(other)).toString())
        .isEqualTo("a".repeat(FIFO + BACKLOG) + typedEarly);
  }

  @Test
  void loadingReplacesWhatIsHere() throws Exception {
    uart.write(2, 1, 1);
    host.type("waiting input that is longer than a FIFO");
    uart.quiesce();
    byte[] state = StateRoundTrip.save(uart);
    for (int i = 0; i < 3; i++) {
      StateRoundTrip.load(uart, state);
      assertThat(StateRoundTrip.save(uart)).isEqualTo(state);
    }
    uart.resume();
    assertThat(readAll(uart)).isEqualTo("waiting input that is longer than a FIFO");
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
}
