package dev.ballast.vmm.device;

import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * A 16550A UART (National Semiconductor PC16550D). Its line is as fast as the backend: a byte of
 * output is gone when the register write is done, unless the backend has no room; then up to 16
 * bytes wait and the transmitter is busy. Input that does not fit into the FIFO waits in order, up
 * to 4 KiB; what is more, and what comes while the machine does not run, stays with the backend
 * until there is room. A character timeout is over at once. Modem lines from outside are always on.
 *
 * <p>The interrupt line is high while an interrupt is pending, as the chip's INTR pin is. Any
 * thread.
 */
public final class Serial16550 extends ByteDevice implements MachineDevice {
  /** Where a PC has its first one. */
  public static final int COM1_PORT = 0x3f8;

  /** The ISA interrupt of a PC's first one. */
  public static final int COM1_IRQ = 4;

  /** How many ports it takes. */
  public static final int PORTS = 8;

  private static final int FIFO_SIZE = ReceiveBuffer.FIFO_SIZE;

  private static final int DATA = 0; // receiver buffer, transmitter holding, divisor latch low
  private static final int IER = 1; // interrupt enable, divisor latch high
  private static final int IIR_FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int MSR = 6;

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

  private final String name;
  private final InterruptLine interrupt;
  private final SerialBackend backend;

  private final Object lock = new Object();
  private int ier;
  private int fcr;
  private int lcr;
  private int mcr;
  private int scratch;
  private int divisor = POWER_ON_DIVISOR;
  private int msrDelta;
  private boolean overrun;

  /** The transmitter became empty, and the guest was not told yet. */
  private boolean transmitEmptyPending;

  private final ReceiveBuffer input = new ReceiveBuffer();
  private final ByteRing toTransmit = new ByteRing(FIFO_SIZE);

  /** The line took less than what came, and the backend was not told yet that there is room. */
  private boolean inputHeldBack;

  /** From the start: input that is there before the machine runs comes after a loaded state. */
  private boolean quiesced = true;

  /**
   * Makes a UART and connects it; input may come at once.
   *
   * @param name of the state section, for instance {@code serial0}
   * @param interrupt its interrupt
   * @param backend the other end of the line; closed with this
   */
  public Serial16550(String name, InterruptLine interrupt, SerialBackend backend) {
    this.name = name;
    this.interrupt = interrupt;
    this.backend = backend;
    backend.start(new HostEnd());
  }

  /** What the backend calls, on its own threads. */
  private final class HostEnd implements SerialBackend.Line {
    @Override
    public int receive(byte[] bytes, int offset, int length) {
      synchronized (lock) {
        int taken = 0;
        while (taken < length && !quiesced && !input.isFull()) {
          input.add(bytes[offset + taken]);
          taken++;
          refill();
        }
        inputHeldBack = taken < length;
        updateInterrupt();
        return taken;
      }
    }

    @Override
    public void readyToTransmit() {
      synchronized (lock) {
        if (!quiesced) {
          drain();
          updateInterrupt();
        }
      }
    }
  }

  @Override
  int readRegister(int offset) {
    synchronized (lock) {
      int value =
          switch (offset) {
            case DATA -> isDivisorLatch() ? divisor & 0xff : readData();
            case IER -> isDivisorLatch() ? divisor >> 8 : ier;
            case IIR_FCR -> readInterruptId();
            case LCR -> lcr;
            case MCR -> mcr;
            case LSR -> readLineStatus();
            case MSR -> readModemStatus();
            default -> scratch;
          };
      updateInterrupt();
      return value;
    }
  }

  @Override
  void writeRegister(int offset, int value) {
    synchronized (lock) {
      switch (offset) {
        case DATA -> {
          if (isDivisorLatch()) {
            divisor = (divisor & 0xff00) | value;
          } else {
            writeData((byte) value);
          }
        }
        case IER -> {
          if (isDivisorLatch()) {
            divisor = (divisor & 0xff) | (value << 8);
          } else {
            writeInterruptEnable(value & IER_BITS);
          }
        }
        case IIR_FCR -> writeFifoControl(value);
        case LCR -> lcr = value;
        case MCR -> writeModemControl(value & MCR_BITS);
        case LSR, MSR -> {} // read-only
        default -> scratch = value;
      }
      updateInterrupt();
    }
  }

  private boolean isDivisorLatch() {
    return (lcr & LCR_DIVISOR_LATCH) != 0;
  }

  private boolean isLoopback() {
    return (mcr & MCR_LOOPBACK) != 0;
  }

  private boolean isFifoEnabled() {
    return (fcr & FCR_ENABLE) != 0;
  }

  private int receiveCapacity() {
    return isFifoEnabled() ? FIFO_SIZE : 1;
  }

  private int readData() {
    if (input.received() == 0) {
      return 0;
    }
    int value = input.remove() & 0xff;
    refill();
    return value;
  }

  /** Moves input from behind the FIFO into it. */
  private void refill() {
    if (isLoopback()) {
      return; // the line is cut off
    }
    input.refill(receiveCapacity());
    askForInput();
  }

  private void askForInput() {
    if (inputHeldBack && !quiesced && input.hasAmpleRoom()) {
      inputHeldBack = false;
      backend.readyToReceive();
    }
  }

  private void writeData(byte value) {
    if (isLoopback()) {
      if (!input.addReceived(value, receiveCapacity())) {
        overrun = true;
      }
    } else {
      drain();
      boolean gone = toTransmit.isEmpty() && backend.transmit(value);
      if (!gone && !toTransmit.isFull()) {
        toTransmit.add(value);
      }
      // A guest that writes although the transmitter is busy loses the byte, as with the chip.
    }
    transmitEmptyPending = toTransmit.isEmpty();
  }

  /** Sends what waited for the backend. */
  private void drain() {
    boolean waited = !toTransmit.isEmpty();
    while (!toTransmit.isEmpty() && backend.transmit(toTransmit.peek())) {
      toTransmit.remove();
    }
    if (waited && toTransmit.isEmpty()) {
      transmitEmptyPending = true;
    }
  }

  private void writeInterruptEnable(int value) {
    if ((value & ~ier & IER_TRANSMIT_EMPTY) != 0 && toTransmit.isEmpty()) {
      transmitEmptyPending = true;
    }
    ier = value;
  }

  private int interruptId() {
    if ((ier & IER_LINE_STATUS) != 0 && overrun) {
      return IIR_LINE_STATUS;
    }
    if ((ier & IER_RECEIVED) != 0 && input.received() > 0) {
      boolean timeout =
          isFifoEnabled() && input.received() < TRIGGER_LEVELS[fcr >> FCR_TRIGGER_SHIFT];
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

  private int readInterruptId() {
    input.look();
    int id = interruptId();
    if (id == IIR_TRANSMIT_EMPTY) {
      transmitEmptyPending = false;
    }
    return id | (isFifoEnabled() ? IIR_FIFOS_ENABLED : 0);
  }

  private void updateInterrupt() {
    interrupt.setLevel(interruptId() != IIR_NONE);
  }

  /**
   * Clearing the transmitter's FIFO does nothing: what is in it waits for the host only, on a real
   * line it would have left.
   */
  private void writeFifoControl(int value) {
    boolean toggled = ((value ^ fcr) & FCR_ENABLE) != 0;
    fcr = (value & FCR_ENABLE) != 0 ? value & FCR_KEPT_BITS : 0;
    if (toggled || (value & FCR_CLEAR_RECEIVER) != 0) {
      input.clearNoticed();
      refill();
    }
  }

  private void writeModemControl(int value) {
    int before = modemLines();
    mcr = value;
    int after = modemLines();
    int changed = before ^ after;
    // The ring indicator counts when it goes off, the others when they change.
    msrDelta |= ((changed & ~MSR_RING) | (changed & before & MSR_RING)) >> 4;
    refill();
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

  private int readLineStatus() {
    input.look();
    int value =
        (input.received() > 0 ? LSR_DATA_READY : 0)
            | (overrun ? LSR_OVERRUN : 0)
            | (toTransmit.isEmpty() ? LSR_TRANSMIT_EMPTY : 0);
    overrun = false;
    return value;
  }

  private int readModemStatus() {
    int value = modemLines() | msrDelta;
    msrDelta = 0;
    return value;
  }

  @Override
  public void quiesce() {
    synchronized (lock) {
      quiesced = true;
    }
  }

  @Override
  public void resume() {
    synchronized (lock) {
      quiesced = false;
      drain();
      refill();
      askForInput();
      updateInterrupt();
    }
  }

  /** Output and input that are on their way are kept. */
  @Override
  public void reset() {
    synchronized (lock) {
      ier = 0;
      fcr = 0;
      lcr = 0;
      mcr = 0;
      scratch = 0;
      divisor = POWER_ON_DIVISOR;
      msrDelta = 0;
      overrun = false;
      transmitEmptyPending = false;
      input.clearReceived();
      updateInterrupt();
    }
  }

  @Override
  public String stateName() {
    return name;
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    synchronized (lock) {
      writer.u8(ier).u8(fcr).u8(lcr).u8(mcr).u8(scratch).u16(divisor).u8(msrDelta);
      writer.bool(overrun).bool(transmitEmptyPending);
      writer.bytes(toTransmit.toByteArray());
      input.save(writer);
    }
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    int newIer = reader.u8();
    int newFcr = reader.u8();
    int newLcr = reader.u8();
    int newMcr = reader.u8();
    int newScratch = reader.u8();
    int newDivisor = reader.u16();
    int newMsrDelta = reader.u8();
    boolean newOverrun = reader.bool();
    boolean newTransmitEmptyPending = reader.bool();
    byte[] newToTransmit = reader.bytes(FIFO_SIZE);
    ReceiveBuffer.Saved newInput = ReceiveBuffer.Saved.read(reader);
    if (((newIer & ~IER_BITS)
            | (newFcr & ~FCR_KEPT_BITS)
            | (newMcr & ~MCR_BITS)
            | (newMsrDelta & ~MSR_DELTA_BITS))
        != 0) {
      throw reader.fail(
          String.format(
              "IER 0x%02x, FCR 0x%02x, MCR 0x%02x or MSR 0x%02x has reserved bits set",
              newIer, newFcr, newMcr, newMsrDelta));
    }
    synchronized (lock) {
      ier = newIer;
      fcr = newFcr;
      lcr = newLcr;
      mcr = newMcr;
      scratch = newScratch;
      divisor = newDivisor;
      msrDelta = newMsrDelta;
      overrun = newOverrun;
      transmitEmptyPending = newTransmitEmptyPending;
      input.load(newInput);
      toTransmit.clear();
      toTransmit.addAll(newToTransmit);
    }
  }

  /** Writes out the output that the backend took. */
  @Override
  public void close() {
    backend.close();
  }
}
