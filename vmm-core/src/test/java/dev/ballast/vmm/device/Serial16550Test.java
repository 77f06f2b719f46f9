package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Drives the UART the way Linux's 8250 driver does. */
class Serial16550Test {
  private static final int DATA = 0;
  private static final int IER = 1;
  private static final int IIR = 2;
  private static final int FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int MSR = 6;
  private static final int SCRATCH = 7;

  private static final int RECEIVED = 0x01;
  private static final int TRANSMIT_EMPTY = 0x02;
  private static final int LINE_STATUS = 0x04;
  private static final int MODEM_STATUS = 0x08;

  private static final int NO_INTERRUPT = 0xc1;
  private static final int LOOPBACK = 0x10;
  private static final int BOTH_EMPTY = 0x60;

  private final RecordingLine interrupt = new RecordingLine();
  private final MemorySerialBackend host = new MemorySerialBackend();
  private final Serial16550 uart = new Serial16550("serial0", interrupt, host);

  @BeforeEach
  void start() {
    uart.resume();
  }

  private int in(int register) {
    return (int) uart.read(register, 1);
  }

  private void out(int register, int value) {
    uart.write(register, 1, value);
  }

  private String readAll() {
    StringBuilder text = new StringBuilder();
    while ((in(LSR) & 1) != 0) {
      text.append((char) in(DATA));
    }
    return text.toString();
  }

  /**
   * The steps of autoconfig() in drivers/tty/serial/8250/8250_port.c, and what a 16550A answers.
   */
  @Test
  void linuxFindsA16550A() {
    out(IER, 0);
    assertThat(in(IER) & 0x0f).as("IER holds 0").isZero();
    out(IER, 0x0f);
    assertThat(in(IER)).as("IER holds its four bits").isEqualTo(0x0f);
    out(IER, 0);

    out(MCR, LOOPBACK | 0x0a);
    assertThat(in(MSR) & 0xf0).as("loopback of OUT2 and RTS").isEqualTo(0x90);
    out(MCR, 0);

    out(LCR, 0xbf);
    out(FCR, 0); // EFR of larger chips
    out(LCR, 0);
    out(FCR, 0x01);
    assertThat(in(IIR) >> 6).as("working FIFOs").isEqualTo(3);

    out(LCR, 0x80);
    assertThat(in(FCR)).as("not an EFR").isNotZero();
    out(LCR, 0xbf);
    assertThat(in(FCR)).as("not an EFR").isNotZero();

    out(LCR, 0);
    out(FCR, 0x01);
    assertThat(in(IIR) >> 5).isEqualTo(6);
    out(FCR, 0x21);
    assertThat(in(IIR) >> 5).as("not the 64-byte FIFO of a 16750").isEqualTo(6);

    out(IER, 0x40);
    assertThat(in(IER) & 0x40).as("not an XScale").isZero();
  }

  /** The test for UART_BUG_THRE in serial8250_do_startup(), and the one for UART_BUG_TXEN. */
  @Test
  void enablingTheTransmitInterruptRaisesIt() {
    out(FCR, 0x01);
    out(IER, TRANSMIT_EMPTY);
    assertThat(interrupt.isHigh()).isTrue();
    assertThat(in(IIR)).isEqualTo(0xc2);
    assertThat(in(IIR)).as("reading it acknowledges it").isEqualTo(NO_INTERRUPT);
    assertThat(interrupt.isHigh()).isFalse();
    out(IER, 0);
    out(IER, TRANSMIT_EMPTY);
    assertThat(in(IIR)).as("comes again").isEqualTo(0xc2);
    assertThat(interrupt.edges()).isEqualTo(2);
  }

  @Test
  void transmitsAtOnceAndInterruptsAgain() {
    out(FCR, 0x01);
    out(IER, TRANSMIT_EMPTY);
    in(IIR);
    for (char c : "Hello".toCharArray()) {
      assertThat(in(LSR) & BOTH_EMPTY).isEqualTo(BOTH_EMPTY);
      out(DATA, c);
    }
    assertThat(host.output()).isEqualTo("Hello");
    assertThat(interrupt.isHigh()).isTrue();
    assertThat(in(IIR)).isEqualTo(0xc2);
  }

  @Test
  void wideWritesAreBytes() {
    out(LCR, 0x80);
    uart.write(DATA, 2, 0x0102);
    assertThat(in(DATA)).isEqualTo(2);
    assertThat(in(IER)).isEqualTo(1);
    assertThat(uart.read(DATA, 2)).isEqualTo(0x0102);
    assertThat(host.output()).isEmpty();
  }

  @Test
  void slowHostMakesTheTransmitterBusy() {
    out(FCR, 0x01);
    out(IER, TRANSMIT_EMPTY);
    in(IIR);
    host.limitTo(2);
    for (char c : "abcdefgh".toCharArray()) {
      out(DATA, c);
    }
    assertThat(in(LSR) & BOTH_EMPTY).as("busy").isZero();
    assertThat(interrupt.isHigh()).isFalse();
    assertThat(host.output()).isEqualTo("ab");

    host.makeRoom(3);
    assertThat(in(LSR) & BOTH_EMPTY).as("still busy").isZero();
    host.makeRoom(100);
    assertThat(host.output()).isEqualTo("abcdefgh");
    assertThat(in(LSR) & BOTH_EMPTY).isEqualTo(BOTH_EMPTY);
    assertThat(interrupt.isHigh()).isTrue();
    assertThat(in(IIR)).isEqualTo(0xc2);
  }

  @Test
  void driverThatWaitsLosesNothing() {
    host.limitTo(0);
    StringBuilder sent = new StringBuilder();
    for (int i = 0; i < 1000; i++) {
      if ((in(LSR) & BOTH_EMPTY) == BOTH_EMPTY) {
        for (int j = 0; j < 16; j++) {
          char c = (char) ('a' + (i + j) % 26);
          out(DATA, c);
          sent.append(c);
        }
      }
      if (i % 3 == 0) {
        host.makeRoom(5);
      }
    }
    host.makeRoom(16);
    assertThat(sent).hasSizeGreaterThan(1000);
    assertThat(host.output()).isEqualTo(sent.toString());
  }

  @Test
  void writingToAFullTransmitterLosesOnlyWhatIsTooMuch() {
    host.limitTo(0);
    for (int i = 0; i < 20; i++) {
      out(DATA, 'a' + i);
    }
    host.makeRoom(100);
    assertThat(host.output()).isEqualTo("abcdefghijklmnop");
  }

  @Test
  void inputInterruptsAndIsReadInOrder() throws InterruptedException {
    out(FCR, 0x01); // trigger level 1
    out(IER, RECEIVED);
    host.type("xyz");
    assertThat(interrupt.isHigh()).isTrue();
    assertThat(in(IIR)).isEqualTo(0xc4);
    assertThat(in(LSR) & 1).isEqualTo(1);
    assertThat(readAll()).isEqualTo("xyz");
    assertThat(interrupt.isHigh()).isFalse();
    assertThat(in(IIR)).isEqualTo(NO_INTERRUPT);
    assertThat(in(DATA)).as("empty").isZero();
  }

  @Test
  void fewerBytesThanTheTriggerLevelTimeOut() throws InterruptedException {
    out(FCR, 0xc1); // trigger level 14
    out(IER, RECEIVED);
    host.type("0123456789abc");
    assertThat(in(IIR)).isEqualTo(0xcc);
    host.type("d");
    assertThat(in(IIR)).isEqualTo(0xc4);
    in(DATA);
    assertThat(in(IIR)).isEqualTo(0xcc);
  }

  @Test
  void inputBeyondTheFifoWaitsInOrder() throws InterruptedException {
    out(FCR, 0x01);
    String text = "The quick brown fox jumps over the lazy dog. ".repeat(50);
    host.type(text);
    assertThat(readAll()).isEqualTo(text);
    assertThat(in(LSR) & 2).as("no overrun").isZero();
  }

  @Test
  void withoutFifosOneByteIsThere() throws InterruptedException {
    out(IER, RECEIVED);
    host.type("pq");
    assertThat(in(IIR)).isEqualTo(0x04);
    assertThat(in(DATA)).isEqualTo('p');
    assertThat(interrupt.isHigh()).isTrue();
    assertThat(in(DATA)).isEqualTo('q');
    assertThat(interrupt.isHigh()).isFalse();
  }

  @Test
  void clearingTheReceiverDropsTheFifoOnly() throws InterruptedException {
    out(FCR, 0x01);
    host.type("0123456789abcdefREST");
    assertThat(in(LSR) & 1).isEqualTo(1);
    out(FCR, 0x03);
    assertThat(readAll()).isEqualTo("REST");
  }

  /** It may have been typed, or piped in, long before the guest ran. */
  @Test
  void inputThatTheGuestHasNotLookedForOutlastsItsSetUp() throws InterruptedException {
    host.type("ram\n");
    out(FCR, 0x01);
    out(FCR, 0x07);
    assertThat(readAll()).isEqualTo("ram\n");
  }

  @Test
  void loopbackReturnsBytesAndCutsTheLineOff() throws InterruptedException {
    out(FCR, 0x01);
    out(MCR, LOOPBACK);
    host.type("outside");
    out(DATA, 'L');
    assertThat(readAll()).isEqualTo("L");
    assertThat(host.output()).isEmpty();
    out(MCR, 0);
    assertThat(readAll()).isEqualTo("outside");
  }

  @Test
  void loopbackOverruns() {
    out(FCR, 0x01);
    out(MCR, LOOPBACK);
    out(IER, LINE_STATUS);
    for (int i = 0; i < 17; i++) {
      out(DATA, 'a' + i);
    }
    assertThat(in(IIR)).isEqualTo(0xc6);
    assertThat(in(LSR) & 2).isEqualTo(2);
    assertThat(in(LSR) & 2).as("reading clears it").isZero();
    assertThat(in(IIR)).isEqualTo(NO_INTERRUPT);
    assertThat(readAll()).isEqualTo("abcdefghijklmnop");
  }

  @Test
  void modemLinesFollowInLoopback() {
    assertThat(in(MSR)).as("connected").isEqualTo(0xb0);
    out(IER, MODEM_STATUS);
    out(MCR, LOOPBACK | 0x0b); // DTR, RTS, OUT2: the same lines as outside
    assertThat(in(MSR)).isEqualTo(0xb0);
    assertThat(interrupt.isHigh()).isFalse();
    out(MCR, LOOPBACK | 0x04); // OUT1 alone: RI on, the others off
    assertThat(interrupt.isHigh()).isTrue();
    assertThat(in(IIR)).as("FIFOs are off").isZero();
    assertThat(in(MSR)).isEqualTo(0x4b);
    assertThat(interrupt.isHigh()).isFalse();
    out(MCR, LOOPBACK);
    assertThat(in(MSR)).as("RI went off").isEqualTo(0x04);
  }

  @Test
  void interruptsHavePriorities() throws InterruptedException {
    out(FCR, 0x01);
    out(MCR, LOOPBACK | 0x0f);
    in(MSR);
    out(MCR, LOOPBACK);
    for (int i = 0; i < 17; i++) {
      out(DATA, i);
    }
    out(IER, 0x0f);
    assertThat(in(IIR)).as("line status").isEqualTo(0xc6);
    in(LSR);
    assertThat(in(IIR)).as("received").isEqualTo(0xc4);
    readAll();
    assertThat(in(IIR)).as("transmitter empty").isEqualTo(0xc2);
    assertThat(in(IIR)).as("modem status").isEqualTo(0xc0);
    in(MSR);
    assertThat(in(IIR)).isEqualTo(NO_INTERRUPT);
    assertThat(interrupt.edges()).as("one pending time").isEqualTo(1);
  }

  @Test
  void scratchAndDivisorAreKept() {
    out(SCRATCH, 0xa5);
    assertThat(in(SCRATCH)).isEqualTo(0xa5);
    out(LCR, 0x83);
    out(DATA, 0x34);
    out(IER, 0x12);
    assertThat(in(DATA)).isEqualTo(0x34);
    assertThat(in(IER)).isEqualTo(0x12);
    out(LCR, 0x03);
    assertThat(in(LCR)).isEqualTo(3);
    assertThat(in(IER)).as("the divisor is another register").isZero();
    out(LSR, 0xff);
    out(MSR, 0xff);
    assertThat(in(LSR)).as("read-only").isEqualTo(BOTH_EMPTY);
    assertThat(in(MSR)).as("read-only").isEqualTo(0xb0);
  }
}
