package dev.ballast.vmm.device;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.InstantSource;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoField;
import java.time.temporal.ValueRange;

/**
 * The PC's real-time clock and its battery-backed memory (Motorola MC146818): UTC from the host's
 * clock, plus the offset by which the guest has set it. It raises no interrupts: alarm, update and
 * periodic ones can be enabled but never come. Any thread.
 */
public final class CmosRtc extends ByteDevice implements MachineDevice {
  /** Its first I/O port, as on a PC. */
  public static final int PORT = 0x70;

  /** How many ports it occupies. */
  public static final int PORTS = 2;

  private static final int INDEX_OFFSET = 0;
  private static final int FLOATING = 0xff;
  private static final int SIZE = 128;

  private static final int SECONDS = 0x00;
  private static final int MINUTES = 0x02;
  private static final int HOURS = 0x04;
  private static final int DAY_OF_WEEK = 0x06;
  private static final int DAY_OF_MONTH = 0x07;
  private static final int MONTH = 0x08;
  private static final int YEAR = 0x09;
  private static final int STATUS_A = 0x0a;
  private static final int STATUS_B = 0x0b;
  private static final int STATUS_C = 0x0c;
  private static final int STATUS_D = 0x0d;
  private static final int BASE_MEMORY_KIB = 0x15;
  private static final int EXTENDED_MEMORY_KIB = 0x17;
  private static final int EXTENDED_MEMORY_KIB_AGAIN = 0x30;
  private static final int CENTURY = 0x32;
  private static final int MEMORY_ABOVE_16_MIB = 0x34;
  private static final int MEMORY_ABOVE_4_GIB = 0x5b;

  private static final int A_UPDATE_IN_PROGRESS = 1 << 7;
  private static final int A_POWER_ON = 0x26;
  private static final int B_SET = 1 << 7;
  private static final int B_INTERRUPTS = 0x78;
  private static final int B_BINARY = 1 << 2;
  private static final int B_24_HOURS = 1 << 1;
  private static final int D_VALID = 1 << 7;
  private static final int PM = 1 << 7;

  /** How long before the end of a second update-in-progress is set. */
  private static final int UPDATE_NANOS = 244_000;

  private static final int NANOS_PER_SECOND = 1_000_000_000;

  private static final ValueRange YEARS = ValueRange.of(0, 9999);

  /** A guest cannot move the clock further than this: years have four digits. */
  private static final Duration MAX_OFFSET = Duration.ofDays(366L * 10_000);

  private final InstantSource hostClock;

  private final Object lock = new Object();
  private final byte[] registers = new byte[SIZE];
  private int index;
  private Duration offset = Duration.ZERO;

  /**
   * @param lowMemory the size of RAM below 4 GiB in bytes, at least 1 MiB
   * @param highMemory the size of RAM from 4 GiB on in bytes
   * @param hostClock the host's clock
   */
  public CmosRtc(long lowMemory, long highMemory, InstantSource hostClock) {
    this.hostClock = hostClock;
    registers[STATUS_A] = A_POWER_ON;
    registers[STATUS_B] = B_24_HOURS;
    store(BASE_MEMORY_KIB, 2, 640);
    long extended = (lowMemory - (1 << 20)) >> 10;
    store(EXTENDED_MEMORY_KIB, 2, extended);
    store(EXTENDED_MEMORY_KIB_AGAIN, 2, extended);
    store(MEMORY_ABOVE_16_MIB, 2, Math.max(0, lowMemory - (16 << 20)) >> 16);
    store(MEMORY_ABOVE_4_GIB, 3, highMemory >> 16);
  }

  /** Stores a size, little-endian, or the largest one that fits. */
  private void store(int register, int bytes, long value) {
    long fitting = Math.min(value, (1L << (bytes * 8)) - 1);
    for (int i = 0; i < bytes; i++) {
      registers[register + i] = (byte) (fitting >> (i * 8));
    }
  }

  @Override
  int readRegister(int portOffset) {
    if (portOffset == INDEX_OFFSET) {
      return FLOATING;
    }
    synchronized (lock) {
      return switch (index) {
        case STATUS_A -> registers[STATUS_A] | (updateInProgress() ? A_UPDATE_IN_PROGRESS : 0);
        case STATUS_C -> 0;
        case STATUS_D -> D_VALID;
        default -> {
          if (isTime(index) && !isSetting()) {
            showTime();
          }
          yield registers[index] & 0xff;
        }
      };
    }
  }

  @Override
  void writeRegister(int portOffset, int value) {
    synchronized (lock) {
      if (portOffset == INDEX_OFFSET) {
        index = value & (SIZE - 1); // bit 7 masks the NMI, which nothing raises
        return;
      }
      boolean wasSetting = isSetting();
      if (!wasSetting) {
        showTime();
      }
      switch (index) {
        case STATUS_A -> registers[STATUS_A] = (byte) (value & ~A_UPDATE_IN_PROGRESS);
        case STATUS_C, STATUS_D -> {} // read-only
        default -> registers[index] = (byte) value;
      }
      boolean timeChanged = index == STATUS_B ? wasSetting : isTime(index);
      if (timeChanged && !isSetting()) {
        takeTime();
      }
    }
  }

  private static boolean isTime(int register) {
    return switch (register) {
      case SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY -> true;
      default -> false;
    };
  }

  private boolean isSetting() {
    return (registers[STATUS_B] & B_SET) != 0;
  }

  private boolean updateInProgress() {
    return !isSetting() && now().get(ChronoField.NANO_OF_SECOND) >= NANOS_PER_SECOND - UPDATE_NANOS;
  }

  private LocalDateTime now() {
    return LocalDateTime.ofInstant(hostClock.instant().plus(offset), ZoneOffset.UTC);
  }

  /** Updates the time registers. */
  private void showTime() {
    LocalDateTime time = now();
    registers[SECONDS] = encode(time.getSecond());
    registers[MINUTES] = encode(time.getMinute());
    registers[HOURS] = encodeHour(time.getHour());
    registers[DAY_OF_WEEK] = encode(time.getDayOfWeek().getValue() % 7 + 1); // Sunday is 1
    registers[DAY_OF_MONTH] = encode(time.getDayOfMonth());
    registers[MONTH] = encode(time.getMonthValue());
    registers[YEAR] = encode(Math.floorMod(time.getYear(), 100));
    registers[CENTURY] = encode(Math.floorMod(time.getYear() / 100, 100));
  }

  /** Restarts the clock from the time registers; leaves it alone if they are not a time. */
  private void takeTime() {
    try {
      LocalDateTime time =
          LocalDateTime.of(
              YEARS.checkValidIntValue(decode(CENTURY) * 100L + decode(YEAR), ChronoField.YEAR),
              decode(MONTH),
              decode(DAY_OF_MONTH),
              decodeHour(),
              decode(MINUTES),
              decode(SECONDS));
      offset = Duration.between(hostClock.instant(), time.toInstant(ZoneOffset.UTC));
    } catch (DateTimeException _) {
      // The guest's doing: while it sets one register after the other there may be a 31 February.
      showTime();
    }
  }

  private boolean isBinary() {
    return (registers[STATUS_B] & B_BINARY) != 0;
  }

  private byte encode(int value) {
    return (byte) (isBinary() ? value : ((value / 10) << 4) | (value % 10));
  }

  private int decode(int register) {
    return decodeValue(registers[register] & 0xff);
  }

  private int decodeValue(int value) {
    return isBinary() ? value : (value >> 4) * 10 + (value & 0xf);
  }

  private byte encodeHour(int hour) {
    if ((registers[STATUS_B] & B_24_HOURS) != 0) {
      return encode(hour);
    }
    int onDial = hour % 12 == 0 ? 12 : hour % 12;
    return (byte) (encode(onDial) | (hour >= 12 ? PM : 0));
  }

  private int decodeHour() {
    int value = registers[HOURS] & 0xff;
    if ((registers[STATUS_B] & B_24_HOURS) != 0) {
      return decodeValue(value);
    }
    return decodeValue(value & ~PM) % 12 + ((value & PM) != 0 ? 12 : 0);
  }

  /** {@inheritDoc} Keeps the time and the memory, which have a battery; disables interrupts. */
  @Override
  public void reset() {
    synchronized (lock) {
      index = 0;
      registers[STATUS_B] &= (byte) ~B_INTERRUPTS;
    }
  }

  @Override
  public String stateName() {
    return "cmos-rtc";
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    synchronized (lock) {
      writer.u8(index).bytes(registers).u64(offset.getSeconds()).u32(offset.getNano());
    }
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    int newIndex = reader.u8();
    byte[] newRegisters = reader.exactBytes(SIZE);
    long seconds = reader.u64();
    int nanos = reader.u32("clock offset nanoseconds", 0, NANOS_PER_SECOND - 1);
    if (newIndex >= SIZE) {
      throw reader.fail("register index is " + newIndex + ", expected 0 to " + (SIZE - 1));
    }
    if (seconds > MAX_OFFSET.toSeconds() || seconds < -MAX_OFFSET.toSeconds()) {
      throw reader.fail("clock is off by " + seconds + " s");
    }
    synchronized (lock) {
      index = newIndex;
      System.arraycopy(newRegisters, 0, registers, 0, SIZE);
      registers[STATUS_A] &= (byte) ~A_UPDATE_IN_PROGRESS;
      offset = Duration.ofSeconds(seconds, nanos);
    }
  }
}
