package dev.ballast.vmm.irq;

import dev.ballast.ffi.kvm.GsiRoute;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.kvm.VmStateKind;
import dev.ballast.ffi.linux.ErrnoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Hands out the machine's global system interrupts (GSIs). It alone sets their routing (KVM API
 * §4.52), which KVM replaces as a whole. GSI 0 to 15 are a PC's ISA interrupts, 16 to 23 the other
 * pins of the I/O APIC, which are for devices with a line, and those from 24 on are messages. The
 * I/O APIC is KVM's, or this program's ({@link #attach}). Any thread.
 */
public final class GsiRouter implements MessageSink, AutoCloseable {
  /** How many pins KVM's I/O APIC has. */
  public static final int PINS = 24;

  /** The first pin that is no ISA interrupt. */
  public static final int FIRST_DEVICE_PIN = 16;

  /** How many processors have ids of 8 bits, which is all that KVM's I/O APIC can send to. */
  public static final int MAX_SHORT_IDS = 255;

  private static final int PIC_PINS = 8;

  /** A message's destination above 8 bits where a guest has it, and how far KVM has it above. */
  private static final long EXTENSION = 0x7f << 5;

  private static final int EXTENSION_DISTANCE = 35;

  /** KVM_MAX_IRQ_ROUTES of Linux on x86. */
  private static final int MAX_ROUTES = 4096;

  /** How many messages there may be beside the routes of all pins, two of each of a PIC's. */
  private static final int MAX_MESSAGES = MAX_ROUTES - PINS - 2 * PIC_PINS;

  private final KvmVm vm;
  private final List<Runnable> closers = new ArrayList<>();
  private final NavigableMap<Integer, GsiRoute.Msi> messages = new TreeMap<>();
  private final boolean split;
  private List<PinMessage> reported = List.of();
  private @Nullable InterruptPins ioApic;
  private int nextPin = FIRST_DEVICE_PIN;
  private int nextMessage = PINS;

  /**
   * @param vm the VM, with its interrupt controllers made
   * @param split whether KVM emulates the local APICs only
   */
  public GsiRouter(KvmVm vm, boolean split) {
    this.vm = vm;
    this.split = split;
  }

  /** Sets the I/O APIC that lines go to, where KVM has none. Call before any line is made. */
  public synchronized void attach(InterruptPins ioApic) {
    this.ioApic = ioApic;
  }

  /**
   * Returns a pin of the I/O APIC that no other device has.
   *
   * @throws IOException if all are taken
   */
  public synchronized int allocatePin() throws IOException {
    if (nextPin == PINS) {
      throw new IOException(
          "all %d interrupt lines for devices are taken".formatted(PINS - FIRST_DEVICE_PIN));
    }
    return nextPin++;
  }

  /**
   * Returns a line to a pin; closed with this router.
   *
   * @param gsi 0 to 23
   * @param edge whether to make it for edges, that is for {@link InterruptLine#pulse}
   * @throws IOException if KVM refuses
   */
  public synchronized InterruptLine line(int gsi, boolean edge) throws IOException {
    if (ioApic != null) {
      return new PinLine(ioApic, gsi);
    }
    KvmInterruptLine line = new KvmInterruptLine(vm, gsi, edge);
    closers.add(line::close);
    return line;
  }

  /**
   * Makes the message-signalled interrupts of a device, none of which has a message yet; closed
   * with this router.
   *
   * @param count how many, at least 1
   * @throws IOException if fewer are left
   */
  public synchronized MsiVectors allocateVectors(int count) throws IOException {
    int left = PINS + MAX_MESSAGES - nextMessage;
    if (count > left) {
      throw new IOException("%d message-signalled interrupts: %d are left".formatted(count, left));
    }
    MsiVectors vectors = new MsiVectors(vm, this, nextMessage, count);
    nextMessage += count;
    closers.add(vectors::close);
    return vectors;
  }

  /**
   * Replaces the messages of some GSIs.
   *
   * @param first the first GSI
   * @param count how many GSIs, from {@code first} on, lose their messages
   * @param routes the new messages
   * @throws IOException if KVM refuses; the routing is as before then
   */
  synchronized void replace(int first, int count, List<GsiRoute.Msi> routes) throws IOException {
    NavigableMap<Integer, GsiRoute.Msi> next = new TreeMap<>(messages);
    next.subMap(first, first + count).clear();
    routes.forEach(route -> next.put(route.gsi(), route));
    route(reported, next.values());
    messages.clear();
    messages.putAll(next);
  }

  @Override
  public synchronized void report(List<PinMessage> pins) throws IOException {
    route(pins, messages.values());
    reported = List.copyOf(pins);
  }

  @Override
  public void send(PinMessage message) {
    try {
      vm.interrupts().signalMsi(message.address(), message.data());
    } catch (ErrnoException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void route(List<PinMessage> pins, Collection<GsiRoute.Msi> msis) throws IOException {
    List<GsiRoute> all = split ? new ArrayList<>() : pins();
    for (PinMessage pin : pins) {
      all.add(new GsiRoute.Msi(pin.pin(), pin.address(), pin.data()));
    }
    for (GsiRoute.Msi msi : msis) {
      all.add(split ? new GsiRoute.Msi(msi.gsi(), extended(msi.address()), msi.data()) : msi);
    }
    vm.interrupts().setGsiRouting(all);
  }

  /** Returns the address with its destination where KVM has it. */
  private static long extended(long address) {
    long extension = address & EXTENSION;
    return (address & ~EXTENSION) | (extension << EXTENSION_DISTANCE);
  }

  /** The routes that KVM_CREATE_IRQCHIP made, which a call with only messages would drop. */
  private static List<GsiRoute> pins() {
    List<GsiRoute> routes = new ArrayList<>();
    for (int gsi = 0; gsi < PINS; gsi++) {
      routes.add(new GsiRoute.Pin(gsi, VmStateKind.IOAPIC, gsi));
      if (gsi < PIC_PINS) {
        routes.add(new GsiRoute.Pin(gsi, VmStateKind.PIC_MASTER, gsi));
      } else if (gsi < 2 * PIC_PINS) {
        routes.add(new GsiRoute.Pin(gsi, VmStateKind.PIC_SLAVE, gsi - PIC_PINS));
      }
    }
    return routes;
  }

  /** Closes all lines and vectors. They must not be used afterwards. */
  @Override
  public synchronized void close() {
    closers.reversed().forEach(Runnable::run);
    closers.clear();
  }

  private record PinLine(InterruptPins pins, int pin) implements InterruptLine {
    @Override
    public void setLevel(boolean high) {
      pins.setLevel(pin, high);
    }

    @Override
    public void pulse() {
      pins.setLevel(pin, true);
      pins.setLevel(pin, false);
    }
  }
}
