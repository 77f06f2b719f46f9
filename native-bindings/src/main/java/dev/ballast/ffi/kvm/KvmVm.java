package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_clock_data;
import dev.ballast.ffi.generated.kvm.kvm_enable_cap;
import dev.ballast.ffi.generated.kvm.kvm_ioeventfd;
import dev.ballast.ffi.generated.kvm.kvm_pit_config;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.EventFd;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A virtual machine. Its methods may be called from any thread. KVM keeps the machine until its
 * vCPUs are closed too, and uses the host memory of its slots until then. Every method throws
 * {@link ErrnoException} as its section of the KVM API says.
 */
public final class KvmVm implements AutoCloseable {
  /** {@link #ioeventfd}: only for writes of a certain value. */
  public static final int IOEVENTFD_DATAMATCH = KvmH.KVM_IOEVENTFD_FLAG_DATAMATCH();

  /** {@link #ioeventfd}: the address is a port. */
  public static final int IOEVENTFD_PIO = KvmH.KVM_IOEVENTFD_FLAG_PIO();

  /** {@link #createPit2}: the kernel emulates the speaker port, 0x61, as well. */
  public static final int PIT_SPEAKER_DUMMY = KvmH.KVM_PIT_SPEAKER_DUMMY();

  /** For {@link Capability#X86_NOTIFY_VMEXIT}, with 0 in the upper half: the shortest window. */
  public static final long NOTIFY_VMEXIT_ENABLED = KvmH.KVM_X86_NOTIFY_VMEXIT_ENABLED();

  private static final int MAX_CAPABILITY_ARGUMENTS = 4;

  private final FileDescriptor file;
  private final int vcpuMmapSize;
  private final KvmMemorySlots memorySlots;
  private final KvmInterrupts interrupts;

  KvmVm(FileDescriptor file, int vcpuMmapSize) {
    this.file = file;
    this.vcpuMmapSize = vcpuMmapSize;
    this.memorySlots = new KvmMemorySlots(file);
    this.interrupts = new KvmInterrupts(file);
  }

  /** Returns the machine's slots of guest memory and their dirty logs. */
  public KvmMemorySlots memorySlots() {
    return memorySlots;
  }

  /** Returns the interface to the machine's interrupt controllers. */
  public KvmInterrupts interrupts() {
    return interrupts;
  }

  private int call(String name, long request, long argument, String context) throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  private int call(String name, long request, MemorySegment argument, String context)
      throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  /**
   * Returns the value of a capability for this machine: 0 if it is not supported (KVM API §4.4).
   */
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
   * Reserves three pages of guest-physical address space for KVM's own use, below 4 GiB and in no
   * memory slot (KVM API §4.36).
   */
  public void setTssAddress(long address) throws ErrnoException {
    call("KVM_SET_TSS_ADDR", KvmH.KVM_SET_TSS_ADDR(), address, "0x" + Long.toHexString(address));
  }

  /**
   * Reserves one page of guest-physical address space for KVM's own use, below 4 GiB and in no
   * memory slot, before any vCPU exists (KVM API §4.41).
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
   * Has KVM emulate local APICs, for vCPUs to come, and no other interrupt controller (KVM API
   * §7.5).
   *
   * @param pins of the I/O APIC outside of the kernel: GSIs from 0 on, of whose level-triggered
   *     interrupts KVM reports the end ({@link KvmExit#IOAPIC_EOI})
   */
  public void splitIrqChip(int pins) throws ErrnoException {
    enableCapability(Capability.SPLIT_IRQCHIP, 0, pins);
  }

  /**
   * Has KVM take ids of local APICs with 32 bits, in their state and in messages, and take 255 for
   * a processor rather than for all (KVM API §7.7).
   */
  public void useLongApicIds() throws ErrnoException {
    enableCapability(
        Capability.X2APIC_API,
        0,
        KvmH.KVM_X2APIC_API_USE_32BIT_IDS() | KvmH.KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK());
  }

  /**
   * Creates the in-kernel i8254 timer, after {@link #createIrqChip} (KVM API §4.71).
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
   * Registers an event file that KVM signals, without an exit, when the guest writes to an address;
   * or unregisters it (KVM API §4.59).
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

  /** Reads a part of the in-kernel state. Call it while no vCPU runs. */
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
   * Sets a part of the in-kernel state. Call it while no vCPU runs. For the clock it sets only the
   * time.
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

  /** Returns whether {@link #setClockAdvanced} is supported: since Linux 5.16. */
  public boolean canAdvanceClock() throws ErrnoException {
    // Older kernels return 1 for "yes"; since 5.16 it is the set of supported flags.
    return (checkExtension(Capability.ADJUST_CLOCK) & KvmH.KVM_CLOCK_REALTIME()) != 0;
  }

  /**
   * Sets the paravirtual clock to a state plus the wall-clock time that has passed since it was
   * read, so that the guest's clock includes the time of the migration (KVM API §4.30, {@code
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
    // The flags that were read mark the valid fields; the kernel refuses most of them here.
    kvm_clock_data.flags(clock, flags);
    call("KVM_SET_CLOCK", KvmH.KVM_SET_CLOCK(), clock, "");
  }

  private static MemorySegment irqchip(Arena arena, VmStateKind kind) {
    MemorySegment irqchip = arena.allocate(KvmH.SIZEOF_kvm_irqchip(), Long.BYTES);
    irqchip.set(JAVA_INT, KvmH.OFFSET_kvm_irqchip_chip_id(), kind.chip);
    return irqchip;
  }

  /**
   * Closes the machine; the second time it does nothing. KVM keeps it until its vCPUs are closed
   * too.
   */
  @Override
  public void close() {
    file.close();
  }
}
