package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.libc.CallState;
import dev.ballast.ffi.libc.IoCalls;
import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import dev.ballast.ffi.linux.Mapping;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A virtual CPU. One thread runs it; that thread, or another while it is not running, reads and
 * sets its state. After an I/O or MMIO exit the instruction is complete only once {@link #run} has
 * been called again: with {@link KvmRun#immediateExit} set, before the registers are read. Every
 * method but {@link #run} throws {@link ErrnoException} as its section of the KVM API says.
 */
public final class KvmVcpu implements VcpuRegisters, AutoCloseable {
  private static final long KVM_RUN = KvmH.KVM_RUN();

  /** The kernel keeps no more ({@code KVM_MAX_CPUID_ENTRIES}). */
  private static final int MAX_CPUID_ENTRIES = 256;

  private final FileDescriptor file;
  private final int fd;
  private final int id;
  private final int xsaveSize;
  private final Mapping shared;
  private final KvmRun runPage;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment callState = CallState.allocate(arena);

  /** For messages, made once: while its state is read and set, the guest stands still. */
  private final String context;

  /**
   * For one part of the state at a time, since memory that is touched for the first time is slow.
   */
  private final MemorySegment scratch;

  /** For calls other than {@link #run}, which may be under way on another thread. */
  private final MemorySegment stateCallState = CallState.allocate(arena);

  private KvmVcpu(FileDescriptor file, int id, int xsaveSize, Mapping shared) {
    this.file = file;
    this.fd = file.value();
    this.id = id;
    this.xsaveSize = xsaveSize;
    this.shared = shared;
    this.runPage = new KvmRun(shared.segment());
    this.scratch = arena.allocate(xsaveSize, Long.BYTES);
    this.context = "vCPU " + id;
  }

  static KvmVcpu create(FileDescriptor file, int id, int mmapSize, int xsaveSize)
      throws ErrnoException {
    try {
      return new KvmVcpu(file, id, xsaveSize, Mapping.shared(file, 0, mmapSize));
    } catch (ErrnoException e) {
      file.close();
      throw e;
    }
  }

  private int call(String name, long request, long argument) throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  private int call(String name, long request, MemorySegment argument) throws ErrnoException {
    return Ioctl.call(file, name, request, argument, context);
  }

  /**
   * Runs the guest until it exits (KVM API §4.10). Does not allocate.
   *
   * @return 0 or more if {@link #runPage} holds an exit, or -errno: EINTR after a kick or with
   *     {@link KvmRun#immediateExit}, EAGAIN for a processor that was woken while it waited for its
   *     start-up IPI, EFAULT for guest memory that the host cannot provide
   */
  public int run() {
    return IoCalls.ioctl(callState, fd, KVM_RUN, 0);
  }

  /** Returns the view of the area that this vCPU shares with the kernel; always the same object. */
  public KvmRun runPage() {
    return runPage;
  }

  @Override
  public int id() {
    return id;
  }

  /** Returns its descriptor, which stays this object's to close. */
  public int fd() {
    return fd;
  }

  /**
   * Sets what CPUID returns (KVM API §4.67, KVM_SET_CPUID2), also repeatedly, before the first
   * {@link #run}.
   */
  public void setCpuid(CpuidTable table) throws ErrnoException {
    try (Arena temporary = Arena.ofConfined()) {
      call("KVM_SET_CPUID2", KvmH.KVM_SET_CPUID2(), CpuidStruct.allocate(temporary, table));
    }
  }

  /** Returns what CPUID returns (KVM_GET_CPUID2), in the order in which it was set. */
  public CpuidTable cpuid() throws ErrnoException {
    try (Arena temporary = Arena.ofConfined()) {
      MemorySegment cpuid = CpuidStruct.allocate(temporary, MAX_CPUID_ENTRIES);
      call("KVM_GET_CPUID2", KvmH.KVM_GET_CPUID2(), cpuid);
      return CpuidStruct.read(cpuid);
    }
  }

  @Override
  public int size(VcpuStateKind kind) {
    return kind == VcpuStateKind.XSAVE ? xsaveSize : kind.size;
  }

  @Override
  public synchronized byte[] get(VcpuStateKind kind) throws ErrnoException {
    int size = size(kind);
    // KVM_GET_XSAVE writes 4096 bytes whatever there is; above that only KVM_GET_XSAVE2 will do.
    boolean large = size > kind.size;
    transfer(
        large ? "KVM_GET_XSAVE2" : kind.getName, large ? KvmH.KVM_GET_XSAVE2() : kind.getRequest);
    byte[] state = new byte[size];
    MemorySegment.copy(scratch, JAVA_BYTE, 0, state, 0, size);
    return state;
  }

  @Override
  public synchronized void set(VcpuStateKind kind, byte[] state) throws ErrnoException {
    StateBytes.copy(state, scratch.asSlice(0, size(kind)));
    transfer(kind.setName, kind.setRequest);
  }

  /** Calls KVM with {@link #scratch}, in the way of {@link #run}, which is compiled by then. */
  private void transfer(String name, long request) throws ErrnoException {
    int result;
    do {
      result = IoCalls.ioctl(stateCallState, file.value(), request, scratch.address());
    } while (result == -Errno.EINTR);
    Ioctl.check(result, name, context);
  }

  /** Returns the general registers. */
  public KvmRegs regs() throws ErrnoException {
    return KvmRegs.of(get(VcpuStateKind.REGS));
  }

  /** Sets the general registers. */
  public void setRegs(KvmRegs regs) throws ErrnoException {
    set(VcpuStateKind.REGS, regs.toBytes());
  }

  /** Returns the segment and control registers. */
  public KvmSregs sregs() throws ErrnoException {
    return KvmSregs.of(get(VcpuStateKind.SREGS));
  }

  /** Sets the segment and control registers. */
  public void setSregs(KvmSregs sregs) throws ErrnoException {
    set(VcpuStateKind.SREGS, sregs.toBytes());
  }

  /**
   * Returns whether the vCPU is runnable, halted or waiting for a start-up IPI: one of {@link
   * MpState}.
   */
  public int mpState() throws ErrnoException {
    return MemorySegment.ofArray(get(VcpuStateKind.MP_STATE)).get(JAVA_INT_UNALIGNED, 0);
  }

  @Override
  public MsrTable getMsrs(int[] indices) throws ErrnoException {
    return MsrCalls.get(file, indices, context);
  }

  @Override
  public int[] setMsrs(MsrTable table) throws ErrnoException {
    return MsrCalls.set(file, table, context);
  }

  /** Returns the frequency of the guest's TSC in kHz (KVM API §4.56). */
  public int tscKhz() throws ErrnoException {
    return call("KVM_GET_TSC_KHZ", KvmH.KVM_GET_TSC_KHZ(), 0);
  }

  /**
   * Sets the frequency of the guest's TSC (KVM API §4.55).
   *
   * @throws ErrnoException EINVAL where the host cannot scale to it
   */
  public void setTscKhz(int khz) throws ErrnoException {
    call("KVM_SET_TSC_KHZ", KvmH.KVM_SET_TSC_KHZ(), khz);
  }

  /**
   * Returns whether {@link #tscOffset} and {@link #setTscOffset} are supported: since Linux 5.16
   * (Documentation/virt/kvm/devices/vcpu.rst §4.1).
   */
  public boolean hasTscOffset() {
    return DeviceAttribute.TSC_OFFSET.isThere(file);
  }

  /**
   * Returns the offset that is added to the host's TSC, scaled to the guest's frequency, to give
   * the guest's; in ticks of the guest's TSC, modulo 2^64.
   */
  public long tscOffset() throws ErrnoException {
    return DeviceAttribute.TSC_OFFSET.get(file, context);
  }

  /**
   * Sets the offset of {@link #tscOffset}. vCPUs with the same frequency and the same offset have
   * the same TSC. A TSC deadline that the guest has set keeps its expiry in the host's time.
   */
  public void setTscOffset(long offset) throws ErrnoException {
    DeviceAttribute.TSC_OFFSET.set(file, offset, context);
  }

  /**
   * Notifies the guest that it was paused, so that its watchdogs do not fire (KVM API §4.70).
   *
   * @return false if the guest does not use kvmclock (EINVAL), which is common
   */
  public boolean kvmclockCtrl() throws ErrnoException {
    int result = Ioctl.attempt(file, KvmH.KVM_KVMCLOCK_CTRL(), 0);
    // No exception: formatting its message takes milliseconds, during which the guest is stopped.
    return result != -Errno.EINVAL && Ioctl.check(result, "KVM_KVMCLOCK_CTRL", context) >= 0;
  }

  /**
   * Queues a non-maskable interrupt (KVM API §4.64). Does not check whether the guest's local APIC
   * has LINT1 masked.
   */
  public void nmi() throws ErrnoException {
    call("KVM_NMI", KvmH.KVM_NMI(), 0);
  }

  /**
   * Closes the vCPU; call it after its thread has been joined. The second time it does nothing.
   *
   * @throws IllegalStateException if it is running
   */
  @Override
  public synchronized void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    shared.close();
    file.close();
  }
}
