package dev.ballast.vmm.device;

import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The port through which a guest reports a panic or a shutdown of its kernel (QEMU {@code
 * docs/specs/pvpanic}). A read returns the events that the device knows; a write is an event. If
 * one write has several events, the most serious one is handled, as in QEMU. Any thread; has no
 * state that migrates.
 */
public final class PvPanic extends ByteDevice {
  /** Its I/O port, by convention. */
  public static final int PORT = 0x505;

  /** How many ports it occupies. */
  public static final int PORTS = 1;

  private static final Logger log = LoggerFactory.getLogger(PvPanic.class);
  private static final int PANICKED = 1;
  private static final int CRASH_LOADED = 1 << 1;
  private static final int SHUTDOWN = 1 << 2;
  private static final int KNOWN_EVENTS = PANICKED | CRASH_LOADED | SHUTDOWN;

  private final PlatformEvents events;
  private final AtomicLong unknown = new AtomicLong();

  /**
   * @param events receives the guest's events
   */
  public PvPanic(PlatformEvents events) {
    this.events = events;
  }

  /** Returns how many writes had unknown events, which the device ignores. */
  public long unknownEvents() {
    return unknown.get();
  }

  @Override
  int readRegister(int offset) {
    return KNOWN_EVENTS;
  }

  @Override
  void writeRegister(int offset, int value) {
    if ((value & ~KNOWN_EVENTS) != 0 && unknown.incrementAndGet() == 1) {
      log.warn("{}", "pvpanic: unknown events in 0x%02x".formatted(value));
    }
    if ((value & PANICKED) != 0) {
      events.panicked();
    } else if ((value & CRASH_LOADED) != 0) {
      events.crashKernelTakesOver();
    } else if ((value & SHUTDOWN) != 0) {
      events.powerOff();
    }
  }
}
