package dev.ballast.vmm.device;

import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * A 16550A UART (National Semiconductor PC16550D). Its line is as fast as the backend: a byte of
 * output is gone when the register write is done, unless the backend has no room; then up to 16
 * bytes wait and the transmitter is busy. Input that does not fit into the FIFO waits in order, up
 * to 4 KiB; any more, and any that comes while the machine does not run, stays with the backend
 * until there is room. The character timeout expires at once. The modem's inputs are always on.
 *
 * <p>The interrupt line is high while an interrupt is pending, as the chip's INTR pin is. Any
 * thread.
 */
public final class Serial16550 extends ByteDevice implements MachineDevice {
  /** The first I/O port of a PC's first UART. */
  public static final int COM1_PORT = 0x3f8;

  /** The ISA interrupt of a PC's first UART. */
  public static final int COM1_IRQ = 4;

  /** How many ports it occupies. */
  public static final int PORTS = 8;

  private static final int FIFO_SIZE = ReceiveBuffer.FIFO_SIZE;

  private static final int DATA = 0; // receiver buffer, transmitter holding, divisor latch low
  private static final int IER = 1; // interrupt enable, divisor latch high
  private static final int IIR_FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int MSR = 6;

  private final String name;
  private final InterruptLine interrupt;
  private final SerialBackend backend;

  private final Object lock = new Object();
  private final UartRegisters registers = new UartRegisters();
  private final ReceiveBuffer input = new ReceiveBuffer();
  private final ByteRing toTransmit = new ByteRing(FIFO_SIZE);

  /**
   * Whether the backend has to be called when there is room again, since the line has refused
   * input.
   */
  private boolean inputHeldBack;

  /** From the start: input that is there before the machine runs comes after a loaded state. */
  private boolean quiesced = true;

  /**
   * Creates a UART and connects it; input may come at once.
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
            case DATA -> registers.isDivisorLatch() ? registers.divisorLow() : readData();
            case IER ->
                registers.isDivisorLatch() ? registers.divisorHigh() : registers.interruptEnable();
            case IIR_FCR -> readInterruptId();
            case LCR -> registers.lineControl();
            case MCR -> registers.modemControl();
            case LSR -> readLineStatus();
            case MSR -> registers.readModemStatus();
            default -> registers.scratch();
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
          if (registers.isDivisorLatch()) {
            registers.divisorLow(value);
          } else {
            writeData((byte) value);
          }
        }
        case IER -> {
          if (registers.isDivisorLatch()) {
            registers.divisorHigh(value);
          } else {
            registers.interruptEnable(value, toTransmit.isEmpty());
          }
        }
        case IIR_FCR -> {
          if (registers.fifoControl(value)) {
            input.clearNoticed();
            refill();
          }
        }
        case LCR -> registers.lineControl(value);
        case MCR -> {
          registers.modemControl(value);
          refill(); // the line may be back
        }
        case LSR, MSR -> {} // read-only
        default -> registers.scratch(value);
      }
      updateInterrupt();
    }
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
    if (registers.isLoopback()) {
      return; // the line is cut off
    }
    input.refill(registers.receiveCapacity());
    askForInput();
  }

  private void askForInput() {
    if (inputHeldBack && !quiesced && input.hasAmpleRoom()) {
      inputHeldBack = false;
      backend.readyToReceive();
    }
  }

  private void writeData(byte value) {
    if (registers.isLoopback()) {
      if (!input.addReceived(value, registers.receiveCapacity())) {
        registers.markOverrun();
      }
    } else {
      drain();
      boolean gone = toTransmit.isEmpty() && backend.transmit(value);
      if (!gone && !toTransmit.isFull()) {
        toTransmit.add(value);
      }
      // A guest that writes although the transmitter is busy loses the byte, as with the chip.
    }
    registers.transmitEmptyPending(toTransmit.isEmpty());
  }

  /** Sends what waited for the backend. */
  private void drain() {
    boolean waited = !toTransmit.isEmpty();
    while (!toTransmit.isEmpty() && backend.transmit(toTransmit.peek())) {
      toTransmit.remove();
    }
    if (waited && toTransmit.isEmpty()) {
      registers.transmitEmptyPending(true);
    }
  }

  private int readInterruptId() {
    input.look();
    return registers.readInterruptId(input.received());
  }

  private int readLineStatus() {
    input.look();
    return registers.readLineStatus(input.received(), toTransmit.isEmpty());
  }

  private void updateInterrupt() {
    interrupt.setLevel(registers.isInterruptPending(input.received()));
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

  /**
   * {@inheritDoc} Output that waits for the backend, and input that waits for the FIFO, are kept.
   */
  @Override
  public void reset() {
    synchronized (lock) {
      registers.reset();
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
      registers.save(writer);
      writer.bytes(toTransmit.toByteArray());
      input.save(writer);
    }
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    UartRegisters.Saved newRegisters = UartRegisters.Saved.read(reader);
    byte[] newToTransmit = reader.bytes(FIFO_SIZE);
    ReceiveBuffer.Saved newInput = ReceiveBuffer.Saved.read(reader);
    synchronized (lock) {
      registers.load(newRegisters);
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
