package dev.ballast.vmm.device;

/**
 * The port through which a guest says that its kernel panicked (QEMU {@code docs/specs/pvpanic}).
 * Any thread; has no state.
 */
public final class PvPanic extends ByteDevice {
  /** Where guests expect it. */
  public static final int PORT = 0x505;

  /** How many ports it takes. */
  public static final int PORTS = 1;

  private static final int PANICKED = 1;
  private static final int CRASH_LOADED = 1 << 1;
  private static final int KNOWN_EVENTS = PANICKED | CRASH_LOADED;

  private final PlatformEvents events;

  /**
   * @param events who is told
   */
  public PvPanic(PlatformEvents events) {
    this.events = events;
  }

  @Override
  int readRegister(int offset) {
    return KNOWN_EVENTS;
  }

  @Override
  void writeRegister(int offset, int value) {
    if ((value & KNOWN_EVENTS) != 0) {
      events.guestPanic(value & KNOWN_EVENTS);
    }
  }
}
