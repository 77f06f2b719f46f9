package dev.ballast.vmm.device;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/**
 * The PC's keyboard controller with nothing plugged into it; it is there to reset the machine. It
 * answers its self-tests, so that a guest that probes it does not wait. Any thread.
 */
public final class I8042 extends ByteDevice implements MachineDevice {
  /** Its first I/O port, as on a PC. */
  public static final int PORT = 0x60;

  /** How many ports it occupies; those between data and command do nothing. */
  public static final int PORTS = 5;

  /** The offset of the command and status port from the first. */
  public static final int COMMAND_OFFSET = 4;

  /** The command that resets the machine. */
  public static final int RESET_COMMAND = 0xfe;

  private static final int DATA_OFFSET = 0;
  private static final int FLOATING = 0xff;

  private static final int STATUS_OUTPUT_FULL = 1;
  private static final int STATUS_SYSTEM_FLAG = 1 << 2;
  private static final int STATUS_LAST_WAS_COMMAND = 1 << 3;
  private static final int STATUS_NOT_LOCKED = 1 << 4;

  private static final int READ_CONTROL = 0x20;
  private static final int WRITE_CONTROL = 0x60;
  private static final int DISABLE_MOUSE = 0xa7;
  private static final int ENABLE_MOUSE = 0xa8;
  private static final int SELF_TEST = 0xaa;
  private static final int TEST_KEYBOARD_PORT = 0xab;
  private static final int DISABLE_KEYBOARD = 0xad;
  private static final int ENABLE_KEYBOARD = 0xae;
  private static final int READ_OUTPUT_PORT = 0xd0;
  private static final int WRITE_OUTPUT_PORT = 0xd1;

  private static final int SELF_TEST_PASSED = 0x55;
  private static final int PORT_TEST_PASSED = 0x00;
  private static final int CONTROL_KEYBOARD_DISABLED = 1 << 4;
  private static final int CONTROL_MOUSE_DISABLED = 1 << 5;
  private static final int POWER_ON_CONTROL =
      CONTROL_KEYBOARD_DISABLED | CONTROL_MOUSE_DISABLED | STATUS_SYSTEM_FLAG;

  /** Bits of the output port: bit 0 resets the machine while it is clear, bit 1 is the A20 gate. */
  private static final int OUTPUT_NOT_RESET = 1;

  private static final int POWER_ON_OUTPUT_PORT = 0xcf;
  private static final int NO_COMMAND = 0;

  private final PlatformEvents events;

  private final Object lock = new Object();
  private int control = POWER_ON_CONTROL;
  private int outputPort = POWER_ON_OUTPUT_PORT;
  private int output;
  private boolean outputFull;
  private boolean lastWasCommand;

  /** The command whose data byte comes next. */
  private int pendingCommand = NO_COMMAND;

  /**
   * @param events called when the guest resets the machine
   */
  public I8042(PlatformEvents events) {
    this.events = events;
  }

  @Override
  int readRegister(int offset) {
    synchronized (lock) {
      return switch (offset) {
        case DATA_OFFSET -> {
          outputFull = false;
          yield output;
        }
        case COMMAND_OFFSET ->
            STATUS_NOT_LOCKED
                | (control & STATUS_SYSTEM_FLAG)
                | (outputFull ? STATUS_OUTPUT_FULL : 0)
                | (lastWasCommand ? STATUS_LAST_WAS_COMMAND : 0);
        default -> FLOATING;
      };
    }
  }

  @Override
  void writeRegister(int offset, int value) {
    boolean reset = false;
    synchronized (lock) {
      switch (offset) {
        case DATA_OFFSET -> reset = writeData(value);
        case COMMAND_OFFSET -> reset = writeCommand(value);
        default -> {}
      }
    }
    if (reset) {
      events.reset();
    }
  }

  /** Returns whether the machine is reset. */
  private boolean writeData(int value) {
    int command = pendingCommand;
    pendingCommand = NO_COMMAND;
    lastWasCommand = false;
    switch (command) {
      case WRITE_CONTROL -> control = value;
      case WRITE_OUTPUT_PORT -> {
        outputPort = value | OUTPUT_NOT_RESET;
        return (value & OUTPUT_NOT_RESET) == 0;
      }
      default -> {} // for a keyboard, which is not there
    }
    return false;
  }

  /** Returns whether the machine is reset. */
  private boolean writeCommand(int value) {
    pendingCommand = NO_COMMAND;
    lastWasCommand = true;
    switch (value) {
      case READ_CONTROL -> answer(control);
      case WRITE_CONTROL, WRITE_OUTPUT_PORT -> pendingCommand = value;
      case DISABLE_MOUSE -> control |= CONTROL_MOUSE_DISABLED;
      case ENABLE_MOUSE -> control &= ~CONTROL_MOUSE_DISABLED;
      case SELF_TEST -> {
        control |= STATUS_SYSTEM_FLAG;
        answer(SELF_TEST_PASSED);
      }
      case TEST_KEYBOARD_PORT -> answer(PORT_TEST_PASSED);
      case DISABLE_KEYBOARD -> control |= CONTROL_KEYBOARD_DISABLED;
      case ENABLE_KEYBOARD -> control &= ~CONTROL_KEYBOARD_DISABLED;
      case READ_OUTPUT_PORT -> answer(outputPort);
      default -> {
        // 0xf0 to 0xff pulse the bits of the output port that are 0.
        return value >= 0xf0 && (value & OUTPUT_NOT_RESET) == 0;
      }
    }
    return false;
  }

  private void answer(int value) {
    output = value;
    outputFull = true;
  }

  @Override
  public void reset() {
    synchronized (lock) {
      control = POWER_ON_CONTROL;
      outputPort = POWER_ON_OUTPUT_PORT;
      output = 0;
      outputFull = false;
      lastWasCommand = false;
      pendingCommand = NO_COMMAND;
    }
  }

  @Override
  public String stateName() {
    return "i8042";
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    synchronized (lock) {
      writer.u8(control).u8(outputPort).u8(output).bool(outputFull);
      writer.bool(lastWasCommand).u8(pendingCommand);
    }
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    int newControl = reader.u8();
    int newOutputPort = reader.u8();
    int newOutput = reader.u8();
    boolean newOutputFull = reader.bool();
    boolean newLastWasCommand = reader.bool();
    int newPendingCommand = reader.u8();
    if (newPendingCommand != NO_COMMAND
        && newPendingCommand != WRITE_CONTROL
        && newPendingCommand != WRITE_OUTPUT_PORT) {
      throw reader.fail("command 0x%02x takes no data byte".formatted(newPendingCommand));
    }
    synchronized (lock) {
      control = newControl;
      outputPort = newOutputPort;
      output = newOutput;
      outputFull = newOutputFull;
      lastWasCommand = newLastWasCommand;
      pendingCommand = newPendingCommand;
    }
  }
}
