package dev.ballast.vmm.device;

import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.irq.GsiRouter;
import dev.ballast.vmm.irq.InterruptPins;
import dev.ballast.vmm.irq.MessageSink;
import dev.ballast.vmm.irq.MessageSink.PinMessage;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An I/O APIC (Intel 82093AA), for machines in which KVM emulates the local APICs only: KVM's own
 * I/O APIC does not reach processors whose ids have more than 8 bits. Of an entry of the
 * redirection table, bits 49 to 55 extend the destination, as KVM, QEMU and Linux have agreed
 * ({@code KVM_FEATURE_MSI_EXT_DEST_ID}). Any thread.
 */
public final class IoApic implements BusDevice, MachineDevice, InterruptPins {
  /** How many bytes its registers take. */
  public static final int SIZE = 0x1000;

  /** Where a local APIC's end of interrupt arrives; the value is the vector. */
  private static final int EOI = (int) (AddressMap.IO_APIC_EOI - AddressMap.IO_APIC);

  private static final int PINS = GsiRouter.PINS;
  private static final int ALL_PINS = (1 << PINS) - 1;

  private static final int SELECT = 0x00;
  private static final int WINDOW = 0x10;

  private static final int ID = 0;
  private static final int VERSION = 1;
  private static final int ARBITRATION = 2;
  private static final int FIRST_ENTRY = 0x10;
  private static final int VERSION_82093AA = 0x11;
  private static final int ID_SHIFT = 24;
  private static final int ID_BITS = 0xf;

  private static final long VECTOR = 0xff;
  private static final long DELIVERY_MODE = 7 << 8;
  private static final long DELIVERY_MODE_EXTINT = 7 << 8;
  private static final long LOGICAL = 1 << 11;
  private static final long REMOTE_IRR = 1 << 14;
  private static final long LEVEL = 1 << 15;
  private static final long MASKED = 1 << 16;
  private static final int DESTINATION_SHIFT = 56;
  private static final int EXTENSION_SHIFT = 49;
  private static final long EXTENSION_BITS = 0x7f;

  /** Without the delivery status, bit 12: it is sent at once. */
  private static final long ENTRY = 0xfffe_0000_0001_efffL;

  private static final long READ_ONLY = REMOTE_IRR;

  private static final int MESSAGE_DESTINATION_SHIFT = 12;
  private static final int MESSAGE_EXTENSION_SHIFT = 40;
  private static final int MESSAGE_LOGICAL = 1 << 2;
  private static final int FIRST_USABLE_VECTOR = 16;

  private final MessageSink sink;
  private final long[] entries = new long[PINS];
  private List<PinMessage> reported = List.of();
  private int select;
  private int id;

  /** The levels of the pins. */
  private int levels;

  /** Edges that have not been sent, since the pin is masked. */
  private int pending;

  /**
   * @param sink takes the interrupts
   */
  public IoApic(MessageSink sink) {
    this.sink = sink;
    Arrays.fill(entries, MASKED);
  }

  // ---- pins

  @Override
  public synchronized void setLevel(int pin, boolean high) {
    int bit = 1 << pin;
    boolean wasHigh = (levels & bit) != 0;
    if (high == wasHigh) {
      return;
    }
    levels ^= bit;
    if (high && !isLevel(pin)) {
      pending |= bit;
    }
    deliver(pin);
  }

  private boolean isLevel(int pin) {
    return (entries[pin] & LEVEL) != 0;
  }

  /** Sends what the pin has to send. */
  private void deliver(int pin) {
    long entry = entries[pin];
    int bit = 1 << pin;
    if ((entry & MASKED) != 0) {
      return;
    }
    if (!isLevel(pin)) {
      if ((pending & bit) != 0) {
        pending &= ~bit;
        send(pin);
      }
    } else if ((levels & bit) != 0 && (entry & REMOTE_IRR) == 0) {
      entries[pin] |= REMOTE_IRR;
      send(pin);
    }
  }

  private void send(int pin) {
    // There is no 8259 that could have a vector for it.
    if ((entries[pin] & DELIVERY_MODE) != DELIVERY_MODE_EXTINT) {
      sink.send(message(pin));
    }
  }

  private PinMessage message(int pin) {
    long entry = entries[pin];
    long destination = entry >>> DESTINATION_SHIFT;
    long extension = (entry >>> EXTENSION_SHIFT) & EXTENSION_BITS;
    long address =
        AddressMap.LOCAL_APIC
            | (destination << MESSAGE_DESTINATION_SHIFT)
            | (extension << MESSAGE_EXTENSION_SHIFT)
            | ((entry & LOGICAL) != 0 ? MESSAGE_LOGICAL : 0);
    return new PinMessage(pin, address, (int) (entry & (VECTOR | DELIVERY_MODE | LEVEL)));
  }

  private void endOfInterrupt(int vector) {
    for (int pin = 0; pin < PINS; pin++) {
      long entry = entries[pin];
      if (isLevel(pin) && (entry & REMOTE_IRR) != 0 && (entry & VECTOR) == vector) {
        entries[pin] &= ~REMOTE_IRR;
        deliver(pin);
      }
    }
  }

  // ---- registers

  @Override
  public synchronized long read(long offset, int size) {
    return switch ((int) offset) {
      case SELECT -> select;
      case WINDOW -> readSelected();
      default -> 0;
    };
  }

  private long readSelected() {
    switch (select) {
      case ID, ARBITRATION -> {
        return Integer.toUnsignedLong(id << ID_SHIFT);
      }
      case VERSION -> {
        return ((PINS - 1) << 16) | VERSION_82093AA;
      }
      default -> {
        int pin = (select - FIRST_ENTRY) >> 1;
        if (pin < 0 || pin >= PINS) {
          return 0;
        }
        return isUpperHalf() ? entries[pin] >>> Integer.SIZE : entries[pin] & 0xffff_ffffL;
      }
    }
  }

  private boolean isUpperHalf() {
    return (select & 1) != 0;
  }

  @Override
  public synchronized void write(long offset, int size, long value) {
    switch ((int) offset) {
      case SELECT -> select = (int) value & 0xff;
      case WINDOW -> writeSelected(value & 0xffff_ffffL);
      case EOI -> endOfInterrupt((int) value & 0xff);
      default -> {}
    }
  }

  private void writeSelected(long value) {
    if (select == ID) {
      id = (int) (value >>> ID_SHIFT) & ID_BITS;
      return;
    }
    int pin = (select - FIRST_ENTRY) >> 1;
    if (pin >= 0 && pin < PINS) {
      long old = entries[pin];
      long next =
          isUpperHalf()
              ? (value << Integer.SIZE) | (old & 0xffff_ffffL)
              : (old & ~0xffff_ffffL) | (value & ~READ_ONLY) | (old & READ_ONLY);
      entries[pin] = next & ENTRY;
      if (!isLevel(pin)) {
        entries[pin] &= ~REMOTE_IRR;
      }
      report();
      deliver(pin);
    }
  }

  /**
   * Has KVM report the ends of level-triggered interrupts, masked or not: one may be in service.
   */
  private void report() {
    List<PinMessage> next = new ArrayList<>();
    for (int pin = 0; pin < PINS; pin++) {
      if (isLevel(pin) && (entries[pin] & VECTOR) >= FIRST_USABLE_VECTOR) {
        next.add(message(pin));
      }
    }
    if (!next.equals(reported)) {
      try {
        sink.report(next);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
      reported = next;
    }
  }

  // ---- life cycle

  /** What drives the pins sets their levels itself. */
  @Override
  public synchronized void reset() {
    Arrays.fill(entries, MASKED);
    select = 0;
    id = 0;
    pending = 0;
    report();
  }

  @Override
  public String stateName() {
    return "ioapic";
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public synchronized void saveState(StateWriter writer) {
    writer.u8(select).u8(id).u32(levels).u32(pending);
    for (long entry : entries) {
      writer.u64(entry);
    }
  }

  @Override
  public synchronized void loadState(StateReader reader, int version) throws IOException {
    int loadedSelect = reader.u8();
    int loadedId = reader.u8();
    int loadedLevels = reader.u32("levels", 0, ALL_PINS);
    int loadedPending = reader.u32("pending edges", 0, ALL_PINS);
    long[] loaded = new long[PINS];
    for (int pin = 0; pin < PINS; pin++) {
      loaded[pin] = reader.u64();
      if ((loaded[pin] & ~ENTRY) != 0) {
        throw reader.fail("entry %d is 0x%x, which has reserved bits".formatted(pin, loaded[pin]));
      }
    }
    if (loadedId > ID_BITS) {
      throw reader.fail("id is " + loadedId + ", expected 0 to " + ID_BITS);
    }
    select = loadedSelect;
    id = loadedId;
    levels = loadedLevels;
    pending = loadedPending;
    System.arraycopy(loaded, 0, entries, 0, PINS);
    report();
  }
}
