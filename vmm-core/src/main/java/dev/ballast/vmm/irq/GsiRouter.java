package dev.ballast.vmm.irq;

import dev.ballast.ffi.kvm.GsiRoute;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.kvm.VmStateKind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Hands out the machine's global system interrupts (GSIs). It alone sets their routing (KVM API
 * §4.52), which KVM replaces as a whole. GSI 0 to 15 are a PC's ISA interrupts, 16 to 23 the other
 * pins of the I/O APIC, which are for devices with a line, and those from 24 on are messages. Any
 * thread.
 */
public final class GsiRouter implements AutoCloseable {
  /** How many pins KVM's I/O APIC has. */
  public static final int PINS = 24;

  /** The first pin that is no ISA interrupt. */
  public static final int FIRST_DEVICE_PIN = 16;

  private static final int PIC_PINS = 8;

  /** KVM_MAX_IRQ_ROUTES of Linux on x86. */
  private static final int MAX_ROUTES = 4096;

  /** How many messages there may be beside the routes of all pins, two of each of a PIC's. */
  private static final int MAX_MESSAGES = MAX_ROUTES - PINS - 2 * PIC_PINS;

  private final KvmVm vm;
  private final List<Runnable> closers = new ArrayList<>();
  private final NavigableMap<Integer, GsiRoute.Msi> messages = new TreeMap<>();
  private int nextPin = FIRST_DEVICE_PIN;
  private int nextMessage = PINS;

  /**
   * @param vm the VM, with its interrupt controllers made
   */
  public GsiRouter(KvmVm vm) {
    this.vm = vm;
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
    List<GsiRoute> all = pins();
    all.addAll(next.values());
    vm.interrupts().setGsiRouting(all);
    messages.clear();
    messages.putAll(next);
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
}
