package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_irq_level;
import dev.ballast.ffi.generated.kvm.kvm_irqfd;
import dev.ballast.ffi.generated.kvm.kvm_msi;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.EventFd;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Raises interrupts at the in-kernel interrupt controllers of a {@link KvmVm}: by lines, messages
 * and event files, and sets the routing of GSIs. Usable as long as the machine is not closed. Any
 * thread. Every method throws {@link ErrnoException} as its section of the KVM API says.
 */
public final class KvmInterrupts {
  private final FileDescriptor file;

  KvmInterrupts(FileDescriptor file) {
    this.file = file;
  }

  private int call(String name, long request, MemorySegment argument, String context)
      throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  /**
   * Sets the level of an interrupt line of the in-kernel controllers (KVM API §4.25).
   *
   * @param level 1 asserts the line, 0 deasserts it; an edge is a 1 followed by a 0
   */
  public void irqLine(int gsi, int level) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment line = kvm_irq_level.allocate(arena);
      kvm_irq_level.irq(line, gsi);
      kvm_irq_level.level(line, level);
      call("KVM_IRQ_LINE", KvmH.KVM_IRQ_LINE(), line, "GSI " + gsi + " to " + level);
    }
  }

  /**
   * Delivers a message-signalled interrupt (KVM API §4.71).
   *
   * @param address the guest-physical address that a device would write to
   * @param data the 32-bit value that it would write
   * @return whether it was delivered; false if the guest blocks it
   */
  public boolean signalMsi(long address, int data) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment msi = kvm_msi.allocate(arena);
      kvm_msi.address_lo(msi, (int) address);
      kvm_msi.address_hi(msi, (int) (address >>> Integer.SIZE));
      kvm_msi.data(msi, data);
      return call("KVM_SIGNAL_MSI", KvmH.KVM_SIGNAL_MSI(), msi, "") > 0;
    }
  }

  /**
   * Registers an event file that raises an edge-triggered interrupt when signalled, or unregisters
   * it (KVM API §4.75).
   *
   * @param assign false to undo it, with the same event file and GSI
   */
  public void irqfd(EventFd event, int gsi, boolean assign) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment irqfd = kvm_irqfd.allocate(arena);
      kvm_irqfd.fd(irqfd, event.fd());
      kvm_irqfd.gsi(irqfd, gsi);
      kvm_irqfd.flags(irqfd, assign ? 0 : KvmH.KVM_IRQFD_FLAG_DEASSIGN());
      call("KVM_IRQFD", KvmH.KVM_IRQFD(), irqfd, "GSI " + gsi);
    }
  }

  /**
   * Replaces the whole GSI routing table (KVM API §4.52). {@link KvmVm#createIrqChip} sets up a
   * PC's: GSIs 0 to 15 go to the PICs and to the I/O APIC, 16 to 23 to the I/O APIC only.
   */
  public void setGsiRouting(List<GsiRoute> routes) throws ErrnoException {
    long header = KvmH.OFFSET_kvm_irq_routing_entries();
    long entrySize = KvmH.SIZEOF_kvm_irq_routing_entry();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment routing = arena.allocate(header + routes.size() * entrySize, Long.BYTES);
      routing.set(JAVA_INT, KvmH.OFFSET_kvm_irq_routing_nr(), routes.size());
      long offset = header;
      for (GsiRoute route : routes) {
        write(route, routing.asSlice(offset, entrySize));
        offset += entrySize;
      }
      call("KVM_SET_GSI_ROUTING", KvmH.KVM_SET_GSI_ROUTING(), routing, routes.size() + " routes");
    }
  }

  private static void write(GsiRoute route, MemorySegment entry) {
    entry.set(JAVA_INT, KvmH.OFFSET_kvm_irq_routing_entry_gsi(), route.gsi());
    switch (route) {
      case GsiRoute.Pin pin -> {
        entry.set(
            JAVA_INT, KvmH.OFFSET_kvm_irq_routing_entry_type(), KvmH.KVM_IRQ_ROUTING_IRQCHIP());
        entry.set(JAVA_INT, KvmH.OFFSET_kvm_irq_routing_entry_irqchip_irqchip(), pin.chip().chip);
        entry.set(JAVA_INT, KvmH.OFFSET_kvm_irq_routing_entry_irqchip_pin(), pin.pin());
      }
      case GsiRoute.Msi msi -> {
        entry.set(JAVA_INT, KvmH.OFFSET_kvm_irq_routing_entry_type(), KvmH.KVM_IRQ_ROUTING_MSI());
        entry.set(
            JAVA_INT, KvmH.OFFSET_kvm_irq_routing_entry_msi_address_lo(), (int) msi.address());
        entry.set(
            JAVA_INT,
            KvmH.OFFSET_kvm_irq_routing_entry_msi_address_hi(),
            (int) (msi.address() >>> Integer.SIZE));
        entry.set(JAVA_INT, KvmH.OFFSET_kvm_irq_routing_entry_msi_data(), msi.data());
      }
    }
  }
}
