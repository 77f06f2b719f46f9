package dev.ballast.vmm.device;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * The registers of a 16550A except its FIFOs: their bits, which interrupt is pending, and the modem
 * lines (PC16550D, section 8). Not thread-safe.
 */
final class UartRegisters {
  private static final int IER_RECEIVED = 1;
  private static final int IER_TRANSMIT_EMPTY = 1 << 1;
  private static final int IER_LINE_STATUS = 1 << 2;
  private static final int IER_MODEM_STATUS = 1 << 3;
  private static final int IER_BITS = 0x0f;

  private static final int IIR_MODEM_STATUS = 0x00;
  private static final int IIR_NONE = 0x01;
  private static final int IIR_TRANSMIT_EMPTY = 0x02;
  private static final int IIR_RECEIVED = 0x04;
  private static final int IIR_LINE_STATUS = 0x06;
  private static final int IIR_TIMEOUT = 0x0c;
  private static final int IIR_FIFOS_ENABLED = 0xc0;

  private static final int FCR_ENABLE = 1;
  private static final int FCR_CLEAR_RECEIVER = 1 << 1;
  private static final int FCR_TRIGGER_SHIFT = 6;
  private static final int FCR_KEPT_BITS = 0xc9;
  private static final int[] TRIGGER_LEVELS = {1, 4, 8, 14};

  private static final int LCR_DIVISOR_LATCH = 1 << 7;

  private static final int MCR_LOOPBACK = 1 << 4;
  private static final int MCR_BITS = 0x1f;

  private static final int LSR_DATA_READY = 1;
  private static final int LSR_OVERRUN = 1 << 1;
  private static final int LSR_TRANSMIT_EMPTY = 1 << 5 | 1 << 6;

  private static final int MSR_RING = 1 << 6;
  private static final int MSR_DELTA_BITS = 0x0f;

  /** Clear to send, data set ready, carrier detected. */
  private static final int MSR_CONNECTED = 0xb0;

  private static final int POWER_ON_DIVISOR = 12; // 9600 baud

  private int ier;
  private int fcr;
  private int lcr;
  private int mcr;
  private int scratch;
  private int divisor = POWER_ON_DIVISOR;
  private int msrDelta;
  private boolean overrun;

  /**
   * Whether the interrupt for an empty transmitter is due: it became empty, and the guest has not
   * read that.
   */
  private boolean transmitEmptyPending;

  /** Returns whether the first two registers are the divisor's bytes. */
  boolean isDivisorLatch() {
    return (lcr & LCR_DIVISOR_LATCH) != 0;
  }

  /** Returns whether the transmitter is connected to the receiver, and the line cut off. */
  boolean isLoopback() {
    return (mcr & MCR_LOOPBACK) != 0;
  }

  /** Returns how many bytes the receiver holds. */
  int receiveCapacity() {
    return isFifoEnabled() ? ReceiveBuffer.FIFO_SIZE : 1;
  }

  private boolean isFifoEnabled() {
    return (fcr & FCR_ENABLE) != 0;
  }

  int divisorLow() {
    return divisor & 0xff;
  }

  void divisorLow(int value) {
    divisor = (divisor & 0xff00) | value;
  }

  int divisorHigh() {
    return divisor >> 8;
  }

  void divisorHigh(int value) {
    divisor = (divisor & 0xff) | (value << 8);
  }

  int interruptEnable() {
    return ier;
  }

  /** Writes the interrupt enable register. */
  void interruptEnable(int value, boolean transmitterEmpty) {
    int enabled = value & IER_BITS;
    if ((enabled & ~ier & IER_TRANSMIT_EMPTY) != 0 && transmitterEmpty) {
      transmitEmptyPending = true;
    }
    ier = enabled;
  }

  int lineControl() {
    return lcr;
  }

  void lineControl(int value) {
    lcr = value;
  }

  int scratch() {
    return scratch;
  }

  void scratch(int value) {
    scratch = value;
  }

  /**
   * Writes the FIFO control register; returns whether the receiver's FIFO is to be cleared.
   *
   * <p>Clearing the transmitter's FIFO does nothing: its bytes wait only for the host; on a real
   * line they would have left.
   */
  boolean fifoControl(int value) {
    boolean toggled = ((value ^ fcr) & FCR_ENABLE) != 0;
    fcr = (value & FCR_ENABLE) != 0 ? value & FCR_KEPT_BITS : 0;
    return toggled || (value & FCR_CLEAR_RECEIVER) != 0;
  }

  int modemControl() {
    return mcr;
  }

  /** Writes the modem control register; in loopback, the modem lines follow. */
  void modemControl(int value) {
    int before = modemLines();
    mcr = value & MCR_BITS;
    int after = modemLines();
    int changed = before ^ after;
    // The ring indicator is recorded on its trailing edge, the others on both.
    msrDelta |= ((changed & ~MSR_RING) | (changed & before & MSR_RING)) >> 4;
  }

  /** The modem lines in the upper half of the MSR; in loopback the outputs come back in. */
  private int modemLines() {
    if (!isLoopback()) {
      return MSR_CONNECTED;
    }
    int dataTerminalReady = mcr & 1;
    int requestToSend = mcr >> 1 & 1;
    int out1 = mcr >> 2 & 1;
    int out2 = mcr >> 3 & 1;
    return requestToSend << 4 | dataTerminalReady << 5 | out1 << 6 | out2 << 7;
  }

  /** Reads the modem status register and clears its delta bits. */
  int readModemStatus() {
    int value = modemLines() | msrDelta;
    msrDelta = 0;
    return value;
  }

  /** Records that a byte arrived when there was no room for it. */
  void markOverrun() {
    overrun = true;
  }

  /** Reads the line status register and clears an overrun. */
  int readLineStatus(int received, boolean transmitterEmpty) {
    int value =
        (received > 0 ? LSR_DATA_READY : 0)
            | (overrun ? LSR_OVERRUN : 0)
            | (transmitterEmpty ? LSR_TRANSMIT_EMPTY : 0);
    overrun = false;
    return value;
  }

  /** Sets whether the interrupt for an empty transmitter is due. */
  void transmitEmptyPending(boolean pending) {
    transmitEmptyPending = pending;
  }

  /**
   * Returns whether an interrupt is pending.
   *
   * @param received how many bytes the receiver holds
   */
  boolean isInterruptPending(int received) {
    return interruptId(received) != IIR_NONE;
  }

  /**
   * Reads the interrupt identification register, which acknowledges the interrupt for an empty
   * transmitter.
   */
  int readInterruptId(int received) {
    int id = interruptId(received);
    if (id == IIR_TRANSMIT_EMPTY) {
      transmitEmptyPending = false;
    }
    return id | (isFifoEnabled() ? IIR_FIFOS_ENABLED : 0);
  }

  private int interruptId(int received) {
    if ((ier & IER_LINE_STATUS) != 0 && overrun) {
      return IIR_LINE_STATUS;
    }
    if ((ier & IER_RECEIVED) != 0 && received > 0) {
      boolean timeout = isFifoEnabled() && received < TRIGGER_LEVELS[fcr >> FCR_TRIGGER_SHIFT];
      return timeout ? IIR_TIMEOUT : IIR_RECEIVED;
    }
    if ((ier & IER_TRANSMIT_EMPTY) != 0 && transmitEmptyPending) {
      return IIR_TRANSMIT_EMPTY;
    }
    if ((ier & IER_MODEM_STATUS) != 0 && msrDelta != 0) {
      return IIR_MODEM_STATUS;
    }
    return IIR_NONE;
  }

  /** Sets all registers to what they are at power-on. */
  void reset() {
    load(new Saved(0, 0, 0, 0, 0, POWER_ON_DIVISOR, 0, false, false));
  }

  void save(StateWriter writer) {
    writer.u8(ier).u8(fcr).u8(lcr).u8(mcr).u8(scratch).u16(divisor).u8(msrDelta);
    writer.bool(overrun).bool(transmitEmptyPending);
  }

  /** The contents of saved registers. */
  record Saved(
      int ier,
      int fcr,
      int lcr,
      int mcr,
      int scratch,
      int divisor,
      int msrDelta,
      boolean overrun,
      boolean transmitEmptyPending) {

    static Saved read(StateReader reader) throws StateFormatException {
      Saved saved =
          new Saved(
              reader.u8(),
              reader.u8(),
              reader.u8(),
              reader.u8(),
              reader.u8(),
              reader.u16(),
              reader.u8(),
              reader.bool(),
              reader.bool());
      if (saved.hasReservedBits()) {
        throw reader.fail(
            "IER 0x%02x, FCR 0x%02x, MCR 0x%02x or MSR 0x%02x has reserved bits set"
                .formatted(saved.ier, saved.fcr, saved.mcr, saved.msrDelta));
      }
      return saved;
    }

    private boolean hasReservedBits() {
      return ((ier & ~IER_BITS)
              | (fcr & ~FCR_KEPT_BITS)
              | (mcr & ~MCR_BITS)
              | (msrDelta & ~MSR_DELTA_BITS))
          != 0;
    }
  }

  /** Replaces the contents by what was saved. */
  void load(Saved saved) {
    ier = saved.ier;
    fcr = saved.fcr;
    lcr = saved.lcr;
    mcr = saved.mcr;
    scratch = saved.scratch;
    divisor = saved.divisor;
    msrDelta = saved.msrDelta;
    overrun = saved.overrun;
    transmitEmptyPending = saved.transmitEmptyPending;
  }
}
