package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_clear_dirty_log;
import dev.ballast.ffi.generated.kvm.kvm_clock_data;
import dev.ballast.ffi.generated.kvm.kvm_dirty_log;
import dev.ballast.ffi.generated.kvm.kvm_enable_cap;
import dev.ballast.ffi.generated.kvm.kvm_ioeventfd;
import dev.ballast.ffi.generated.kvm.kvm_irq_level;
import dev.ballast.ffi.generated.kvm.kvm_irqfd;
import dev.ballast.ffi.generated.kvm.kvm_msi;
import dev.ballast.ffi.generated.kvm.kvm_pit_config;
import dev.ballast.ffi.generated.kvm.kvm_userspace_memory_region;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.EventFd;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A virtual machine. Its methods may be called from any thread. KVM keeps the machine until its
 * vCPUs are closed too, and uses the host memory of its slots until then. Every method throws
 * {@link ErrnoException} as its section of the KVM API says.
 */
public final class KvmVm implements AutoCloseable {
  /** {@link #setUserMemoryRegion}: keep a dirty log. */
  public static final int MEM_LOG_DIRTY_PAGES = (int) KvmH.KVM_MEM_LOG_DIRTY_PAGES();

  /** {@link #ioeventfd}: only for accesses with a certain value. */
  public static final int IOEVENTFD_DATAMATCH = KvmH.KVM_IOEVENTFD_FLAG_DATAMATCH();

  /** {@link #ioeventfd}: the address is a port. */
  public static final int IOEVENTFD_PIO = KvmH.KVM_IOEVENTFD_FLAG_PIO();

  /** {@link #createPit2}: port 0x61 is emulated by the kernel too. */
  public static final int PIT_SPEAKER_DUMMY = KvmH.KVM_PIT_SPEAKER_DUMMY();

  /**
   * Argument of {@link Capability#MANUAL_DIRTY_LOG_PROTECT2}: {@link #clearDirtyLog}
   * write-protects, not the read.
   */
  public static final int DIRTY_LOG_MANUAL_PROTECT_ENABLE =
      KvmH.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE();

  /**
   * Argument of {@link Capability#MANUAL_DIRTY_LOG_PROTECT2}: the log starts with all pages dirty.
   */
  public static final int DIRTY_LOG_INITIALLY_SET = KvmH.KVM_DIRTY_LOG_INITIALLY_SET();

  private static final int MAX_CAPABILITY_ARGUMENTS = 4;

  private final FileDescriptor file;
  private final int vcpuMmapSize;

  KvmVm(FileDescriptor file, int vcpuMmapSize) {
    this.file = file;
    this.vcpuMmapSize = vcpuMmapSize;
  }

  private int call(String name, long request, long argument, String context) throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  private int call(String name, long request, MemorySegment argument, String context)
      throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  /** Returns what KVM says of a capability for this machine: 0 without it (KVM API §4.4). */
  public int checkExtension(Capability capability) throws ErrnoException {
    return call(
        "KVM_CHECK_EXTENSION", KvmH.KVM_CHECK_EXTENSION(), capability.number(), capability.name());
  }

  /**
   * Enables a capability (KVM API §4.37).
   *
   * @param arguments at most four
   */
  public void enableCapability(Capability capability, int flags, long... arguments)
      throws ErrnoException {
    if (arguments.length > MAX_CAPABILITY_ARGUMENTS) {
      throw new IllegalArgumentException(arguments.length + " arguments for " + capability);
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment enable = kvm_enable_cap.allocate(arena);
      kvm_enable_cap.cap(enable, capability.number());
      kvm_enable_cap.flags(enable, flags);
      for (int i = 0; i < arguments.length; i++) {
        kvm_enable_cap.args(enable, i, arguments[i]);
      }
      call("KVM_ENABLE_CAP", KvmH.KVM_ENABLE_CAP(), enable, capability.name());
    }
  }

  /**
   * Creates, changes or, with a size of 0, deletes a slot of guest memory (KVM API §4.35). The host
   * memory must stay mapped until the slot is deleted or the machine is gone.
   *
   * @param flags 0 or {@link #MEM_LOG_DIRTY_PAGES}
   * @param guestPhysicalAddress page-aligned
   * @param size in bytes, a multiple of the page size
   * @param hostAddress page-aligned; the same offset in a huge page as the guest's lets KVM map
   *     huge pages
   */
  public void setUserMemoryRegion(
      int slot, int flags, long guestPhysicalAddress, long size, long hostAddress)
      throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment region = kvm_userspace_memory_region.allocate(arena);
      kvm_userspace_memory_region.slot(region, slot);
      kvm_userspace_memory_region.flags(region, flags);
      kvm_userspace_memory_region.guest_phys_addr(region, guestPhysicalAddress);
      kvm_userspace_memory_region.memory_size(region, size);
      kvm_userspace_memory_region.userspace_addr(region, hostAddress);
      call(
          "KVM_SET_USER_MEMORY_REGION",
          KvmH.KVM_SET_USER_MEMORY_REGION(),
          region,
          "slot " + slot + ", " + size + " bytes at 0x" + Long.toHexString(guestPhysicalAddress));
    }
  }

  /**
   * Gives KVM three pages of guest-physical address space, below 4 GiB and without memory (KVM API
   * §4.36).
   */
  public void setTssAddress(long address) throws ErrnoException {
    call("KVM_SET_TSS_ADDR", KvmH.KVM_SET_TSS_ADDR(), address, "0x" + Long.toHexString(address));
  }

  /**
   * Gives KVM a page of guest-physical address space below 4 GiB, before any vCPU exists (KVM API
   * §4.41).
   */
  public void setIdentityMapAddress(long address) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      call(
          "KVM_SET_IDENTITY_MAP_ADDR",
          KvmH.KVM_SET_IDENTITY_MAP_ADDR(),
          arena.allocateFrom(JAVA_LONG, address),
          "0x" + Long.toHexString(address));
    }
  }

  /** Creates the in-kernel PICs, I/O APIC and, for vCPUs to come, local APICs (KVM API §4.24). */
  public void createIrqChip() throws ErrnoException {
    call("KVM_CREATE_IRQCHIP", KvmH.KVM_CREATE_IRQCHIP(), 0, "");
  }

  /**
   * Creates the in-kernel timer, after {@link #createIrqChip} (KVM API §4.72).
   *
   * @param flags 0 or {@link #PIT_SPEAKER_DUMMY}
   */
  public void createPit2(int flags) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment config = kvm_pit_config.allocate(arena);
      kvm_pit_config.flags(config, flags);
      call("KVM_CREATE_PIT2", KvmH.KVM_CREATE_PIT2(), config, "");
    }
  }

  /**
   * Creates a vCPU (KVM API §4.7).
   *
   * @param id its number and initial APIC ID, from 0; below {@link Capability#MAX_VCPU_ID}
   */
  public KvmVcpu createVcpu(int id) throws ErrnoException {
    int xsaveSize = Math.max(checkExtension(Capability.XSAVE2), VcpuStateKind.XSAVE.size);
    int fd = call("KVM_CREATE_VCPU", KvmH.KVM_CREATE_VCPU(), id, "vCPU " + id);
    return KvmVcpu.create(FileDescriptor.owning(fd), id, vcpuMmapSize, xsaveSize);
  }

  /**
   * Sets the level of an interrupt line of the in-kernel controllers (KVM API §4.25).
   *
   * @param level 1 asserted, 0 not; an edge is both
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
   * Delivers a message-signalled interrupt (KVM API §4.70).
   *
   * @return whether the guest took it; false when it is blocked
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
   * Lets an event file raise an edge of an interrupt line, or stops it (KVM API §4.75).
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
   * Signals an event file when the guest writes to an address, without an exit, or stops it (KVM
   * API §4.59).
   *
   * @param address guest-physical, or a port with {@link #IOEVENTFD_PIO}
   * @param length of the access in bytes: 1, 2, 4, 8, or 0 for any
   * @param flags {@link #IOEVENTFD_DATAMATCH}, {@link #IOEVENTFD_PIO}
   * @param datamatch the value that must be written, with {@link #IOEVENTFD_DATAMATCH}
   * @param assign false to undo it, with the same arguments
   */
  public void ioeventfd(
      EventFd event, long address, int length, int flags, long datamatch, boolean assign)
      throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment ioeventfd = kvm_ioeventfd.allocate(arena);
      kvm_ioeventfd.datamatch(ioeventfd, datamatch);
      kvm_ioeventfd.addr(ioeventfd, address);
      kvm_ioeventfd.len(ioeventfd, length);
      kvm_ioeventfd.fd(ioeventfd, event.fd());
      kvm_ioeventfd.flags(ioeventfd, assign ? flags : flags | KvmH.KVM_IOEVENTFD_FLAG_DEASSIGN());
      call(
          "KVM_IOEVENTFD",
          KvmH.KVM_IOEVENTFD(),
          ioeventfd,
          length + " bytes at 0x" + Long.toHexString(address));
    }
  }

  /**
   * Replaces the whole routing of interrupts (KVM API §4.52). {@link #createIrqChip} sets up the
   * usual one of a PC: GSI 0 to 15 to both kinds of controllers, up to 23 to the I/O APIC.
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

  /**
   * Fetches which pages of a slot the guest has written (KVM API §4.8). Unless {@link
   * Capability#MANUAL_DIRTY_LOG_PROTECT2} is enabled this also clears the log.
   *
   * @param bitmap native memory, one bit a page, a multiple of 64 bits and at least the slot's
   */
  public void getDirtyLog(int slot, MemorySegment bitmap) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment log = kvm_dirty_log.allocate(arena);
      kvm_dirty_log.slot(log, slot);
      kvm_dirty_log.dirty_bitmap(log, bitmap);
      call("KVM_GET_DIRTY_LOG", KvmH.KVM_GET_DIRTY_LOG(), log, "slot " + slot);
    }
  }

  /**
   * Clears and write-protects pages of a slot (KVM API §4.117), with {@link
   * Capability#MANUAL_DIRTY_LOG_PROTECT2} enabled.
   *
   * @param firstPage a multiple of 64
   * @param pages a multiple of 64, except at the end of the slot
   * @param bitmap native memory whose set bits, counted from {@code firstPage}, are the pages
   */
  public void clearDirtyLog(int slot, long firstPage, int pages, MemorySegment bitmap)
      throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment log = kvm_clear_dirty_log.allocate(arena);
      kvm_clear_dirty_log.slot(log, slot);
      kvm_clear_dirty_log.first_page(log, firstPage);
      kvm_clear_dirty_log.num_pages(log, pages);
      kvm_clear_dirty_log.dirty_bitmap(log, bitmap);
      call(
          "KVM_CLEAR_DIRTY_LOG",
          KvmH.KVM_CLEAR_DIRTY_LOG(),
          log,
          "slot " + slot + ", " + pages + " pages at page " + firstPage);
    }
  }

  /** Reads a part of the in-kernel state, while no vCPU runs. */
  public byte[] get(VmStateKind kind) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      return switch (kind) {
        case PIC_MASTER, PIC_SLAVE, IOAPIC -> {
          MemorySegment irqchip = irqchip(arena, kind);
          call("KVM_GET_IRQCHIP", KvmH.KVM_GET_IRQCHIP(), irqchip, kind.name());
          yield irqchip.asSlice(KvmH.OFFSET_kvm_irqchip_chip(), kind.size).toArray(JAVA_BYTE);
        }
        case PIT2 -> {
          MemorySegment pit = arena.allocate(kind.size, Long.BYTES);
          call("KVM_GET_PIT2", KvmH.KVM_GET_PIT2(), pit, "");
          yield pit.toArray(JAVA_BYTE);
        }
        case CLOCK -> {
          MemorySegment clock = kvm_clock_data.allocate(arena);
          call("KVM_GET_CLOCK", KvmH.KVM_GET_CLOCK(), clock, "");
          yield clock.toArray(JAVA_BYTE);
        }
      };
    }
  }

  /**
   * Sets a part of the in-kernel state, while no vCPU runs. Of the clock it sets the time alone.
   *
   * @throws IllegalArgumentException if the state is not as long as {@link #get} returns it
   * @throws ErrnoException EINVAL if the kernel refuses it
   */
  public void set(VmStateKind kind, byte[] state) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      switch (kind) {
        case PIC_MASTER, PIC_SLAVE, IOAPIC -> {
          MemorySegment irqchip = irqchip(arena, kind);
          StateBytes.copy(state, irqchip.asSlice(KvmH.OFFSET_kvm_irqchip_chip(), kind.size));
          call("KVM_SET_IRQCHIP", KvmH.KVM_SET_IRQCHIP(), irqchip, kind.name());
        }
        case PIT2 -> {
          MemorySegment pit = arena.allocate(kind.size, Long.BYTES);
          StateBytes.copy(state, pit);
          call("KVM_SET_PIT2", KvmH.KVM_SET_PIT2(), pit, "");
        }
        case CLOCK -> setClock(arena, state, 0);
      }
    }
  }

  /** Returns whether {@link #setClockAdvanced} can be used: since Linux 5.16. */
  public boolean canAdvanceClock() throws ErrnoException {
    // Kernels before say 1 for "yes", then which flags there are.
    return (checkExtension(Capability.ADJUST_CLOCK) & KvmH.KVM_CLOCK_REALTIME()) != 0;
  }

  /**
   * Sets the paravirtual clock to a state plus the wall-clock time that has passed since it was
   * read, so that the guest sees the time of its move go by (KVM API §4.30, {@code
   * KVM_CLOCK_REALTIME}). The hosts' wall clocks must agree.
   *
   * @param state as {@link #get} returned it for {@link VmStateKind#CLOCK}
   * @throws ErrnoException EINVAL before Linux 5.16
   */
  public void setClockAdvanced(byte[] state) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      setClock(arena, state, KvmH.KVM_CLOCK_REALTIME());
    }
  }

  private void setClock(Arena arena, byte[] state, int flags) throws ErrnoException {
    MemorySegment clock = kvm_clock_data.allocate(arena);
    StateBytes.copy(state, clock);
    // The flags that were read say which fields are valid; the kernel refuses most of them here.
    kvm_clock_data.flags(clock, flags);
    call("KVM_SET_CLOCK", KvmH.KVM_SET_CLOCK(), clock, "");
  }

  private static MemorySegment irqchip(Arena arena, VmStateKind kind) {
    MemorySegment irqchip = arena.allocate(KvmH.SIZEOF_kvm_irqchip(), Long.BYTES);
    irqchip.set(JAVA_INT, KvmH.OFFSET_kvm_irqchip_chip_id(), kind.chip);
    return irqchip;
  }

  /**
   * Closes it; the second time it does nothing. Close the vCPUs too, else KVM keeps the machine.
   */
  @Override
  public void close() {
    file.close();
  }
}
