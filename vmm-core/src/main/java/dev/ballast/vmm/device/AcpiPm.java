package dev.ballast.vmm.device;

import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.function.LongSupplier;

/**
 * The fixed power management hardware of ACPI: PM1 event and control registers, the PM timer and
 * the power button (ACPI 6.5 §4.8.3). It is always in ACPI mode. The timer raises no interrupt when
 * it wraps: TMR_STS stays 0. Any thread.
 */
public final class AcpiPm implements BusDevice, MachineDevice {
  /** Its first I/O port on this machine. */
  public static final int PORT = 0x600;

  /** How many ports it occupies. */
  public static final int PORTS = 12;

  /** The offset of PM1a_EVT_BLK from the first port. */
  public static final int EVENT_OFFSET = 0;

  /** The offset of PM1a_CNT_BLK from the first port. */
  public static final int CONTROL_OFFSET = 4;

  /** The offset of PM_TMR_BLK from the first port. */
  public static final int TIMER_OFFSET = 8;

  /** The GSI of the system control interrupt; level-triggered. */
  public static final int SCI = 9;

  /** The value of SLP_TYP that switches the machine off (S5). */
  public static final int SOFT_OFF_SLEEP_TYPE = 5;

  /** The frequency of the timer in Hz. */
  public static final long TIMER_HZ = 3_579_545;

  private static final long NANOS_PER_SECOND = 1_000_000_000;

  /** The same bit in the status and the enable register. */
  private static final int POWER_BUTTON = 1 << 8;

  private static final int TIMER = 1;
  private static final int GLOBAL_LOCK = 1 << 5;
  private static final int SLEEP_BUTTON = 1 << 9;
  private static final int RTC = 1 << 10;
  private static final int ENABLE_BITS = TIMER | GLOBAL_LOCK | POWER_BUTTON | SLEEP_BUTTON | RTC;

  private static final int SCI_ENABLED = 1;
  private static final int BUS_MASTER_RELOAD = 1 << 1;
  private static final int SLEEP_TYPE_SHIFT = 10;
  private static final int SLEEP_TYPE = 7 << SLEEP_TYPE_SHIFT;
  private static final int SLEEP_ENABLE = 1 << 13;
  private static final int CONTROL_BITS = BUS_MASTER_RELOAD | SLEEP_TYPE;

  private final InterruptLine sci;
  private final PlatformEvents events;
  private final LongSupplier nanoTime;

  private final Object lock = new Object();
  private int status;
  private int enable;
  private int control;

  /** The timer's value at the time 0 of {@code nanoTime}. */
  private int timerOrigin;

  /**
   * @param sci the system control interrupt
   * @param events called when the guest switches itself off
   * @param nanoTime a monotonic clock in nanoseconds
   */
  public AcpiPm(InterruptLine sci, PlatformEvents events, LongSupplier nanoTime) {
    this.sci = sci;
    this.events = events;
    this.nanoTime = nanoTime;
  }

  /** Presses the power button. A guest that handles it shuts down. */
  public void pressPowerButton() {
    synchronized (lock) {
      status |= POWER_BUTTON;
      updateSci();
    }
  }

  @Override
  public long read(long offset, int size) {
    synchronized (lock) {
      if (offset >= TIMER_OFFSET) {
        return Integer.toUnsignedLong(timer()) >>> ((offset - TIMER_OFFSET) * 8);
      }
      long registers =
          status | (long) enable << 16 | (long) (control | SCI_ENABLED) << (CONTROL_OFFSET * 8);
      return registers >>> (offset * 8);
    }
  }

  @Override
  public void write(long offset, int size, long value) {
    boolean powerOff = false;
    synchronized (lock) {
      for (int i = 0; i < size; i++) {
        powerOff |= writeByte((int) offset + i, (int) (value >>> (i * 8)) & 0xff);
      }
      updateSci();
    }
    if (powerOff) {
      events.powerOff();
    }
  }

  /** Returns whether the write switches the machine off. */
  private boolean writeByte(int offset, int value) {
    int shift = (offset & 1) * 8;
    int bits = value << shift;
    int others = 0xff00 >>> shift;
    switch (offset >> 1) {
      case 0 -> status &= ~bits; // write 1 to clear
      case 1 -> enable = (enable & others) | (bits & ENABLE_BITS);
      case 2 -> {
        control = (control & others) | (bits & CONTROL_BITS);
        return (bits & SLEEP_ENABLE) != 0
            && (control & SLEEP_TYPE) >> SLEEP_TYPE_SHIFT == SOFT_OFF_SLEEP_TYPE;
      }
      default -> {} // the timer is read-only, the rest is not there
    }
    return false;
  }

  private void updateSci() {
    sci.setLevel((status & enable) != 0);
  }

  private int timer() {
    long now = nanoTime.getAsLong();
    long ticks =
        Math.floorDiv(now, NANOS_PER_SECOND) * TIMER_HZ
            + Math.floorMod(now, NANOS_PER_SECOND) * TIMER_HZ / NANOS_PER_SECOND;
    return (int) ticks + timerOrigin;
  }

  @Override
  public void reset() {
    synchronized (lock) {
      status = 0;
      enable = 0;
      control = 0;
      updateSci();
    }
  }

  @Override
  public void resume() {
    synchronized (lock) {
      updateSci();
    }
  }

  @Override
  public String stateName() {
    return "acpi-pm";
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    synchronized (lock) {
      writer.u16(status).u16(enable).u16(control).u32(timer());
    }
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    int newStatus = reader.u16();
    int newEnable = reader.u16();
    int newControl = reader.u16();
    int newTimer = reader.u32();
    if (((newStatus & ~POWER_BUTTON) | (newEnable & ~ENABLE_BITS) | (newControl & ~CONTROL_BITS))
        != 0) {
      throw reader.fail(
          "PM1 registers 0x%x, 0x%x, 0x%x have reserved bits set"
              .formatted(newStatus, newEnable, newControl));
    }
    synchronized (lock) {
      status = newStatus;
      enable = newEnable;
      control = newControl;
      timerOrigin += newTimer - timer();
    }
  }
}
