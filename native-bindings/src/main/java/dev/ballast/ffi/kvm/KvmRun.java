package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.ballast.ffi.generated.kvm.KvmH;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * A view on the {@code struct kvm_run} that a vCPU shares with the kernel (KVM API §5). Its
 * contents are valid from the return of {@link KvmVcpu#run} to the next call, on the thread that
 * runs the vCPU; only {@link #immediateExit} may be called from another thread. The fields of all
 * exits share one union: read only those that belong to {@link #exitReason}. Nothing here
 * allocates.
 */
public final class KvmRun {
  /** {@link #ioDirection}: the guest executed {@code in} and waits for data. */
  public static final int IO_IN = 0;

  /** {@link #ioDirection}: the guest executed {@code out}. */
  public static final int IO_OUT = 1;

  private static final VarHandle BYTE = JAVA_BYTE.varHandle();

  private static final long IMMEDIATE_EXIT = KvmH.OFFSET_kvm_run_immediate_exit();
  private static final long EXIT_REASON = KvmH.OFFSET_kvm_run_exit_reason();
  private static final long FAIL_ENTRY_REASON =
      KvmH.OFFSET_kvm_run_fail_entry_hardware_entry_failure_reason();
  private static final long FAIL_ENTRY_CPU = KvmH.OFFSET_kvm_run_fail_entry_cpu();
  private static final long IO_DIRECTION = KvmH.OFFSET_kvm_run_io_direction();
  private static final long IO_SIZE = KvmH.OFFSET_kvm_run_io_size();
  private static final long IO_PORT = KvmH.OFFSET_kvm_run_io_port();
  private static final long IO_COUNT = KvmH.OFFSET_kvm_run_io_count();
  private static final long IO_DATA_OFFSET = KvmH.OFFSET_kvm_run_io_data_offset();
  private static final long MMIO_ADDRESS = KvmH.OFFSET_kvm_run_mmio_phys_addr();
  private static final long MMIO_DATA = KvmH.OFFSET_kvm_run_mmio_data();
  private static final long MMIO_LENGTH = KvmH.OFFSET_kvm_run_mmio_len();
  private static final long MMIO_IS_WRITE = KvmH.OFFSET_kvm_run_mmio_is_write();
  private static final long INTERNAL_SUBERROR = KvmH.OFFSET_kvm_run_internal_suberror();
  private static final long INTERNAL_NDATA = KvmH.OFFSET_kvm_run_internal_ndata();
  private static final long INTERNAL_DATA = KvmH.OFFSET_kvm_run_internal_data();

  private static final long EOI_VECTOR = KvmH.OFFSET_kvm_run_eoi_vector();

  /** {@code internal.data} of the kernel. */
  private static final int MAX_INTERNAL_DATA = 16;

  /**
   * {@code memory_fault.gpa}, the second 64-bit field of a member of the union that {@code mmio}
   * starts as well (Linux 6.8, newer than the headers used here).
   */
  private static final long MEMORY_FAULT_GPA = MMIO_ADDRESS + Long.BYTES;

  private static final long MEMORY_FAULT_SIZE = MEMORY_FAULT_GPA + Long.BYTES;

  private final MemorySegment segment;

  KvmRun(MemorySegment segment) {
    this.segment = segment;
  }

  /** Returns why the vCPU stopped: a constant of {@link KvmExit}. */
  public int exitReason() {
    return segment.get(JAVA_INT, EXIT_REASON);
  }

  /**
   * Makes the next {@code KVM_RUN}, or one that is about to enter the guest, return EINTR at once,
   * after it has completed a pending I/O or MMIO access. Set it to 1 before a kick, to 0 before
   * resuming. Any thread.
   */
  public void immediateExit(byte value) {
    BYTE.setVolatile(segment, IMMEDIATE_EXIT, value);
  }

  /** {@link KvmExit#FAIL_ENTRY}: the processor's own reason code. */
  public long failEntryReason() {
    return segment.get(JAVA_LONG, FAIL_ENTRY_REASON);
  }

  /** {@link KvmExit#FAIL_ENTRY}: the host's CPU that refused. */
  public int failEntryCpu() {
    return segment.get(JAVA_INT, FAIL_ENTRY_CPU);
  }

  /** {@link KvmExit#IO}: {@link #IO_IN} or {@link #IO_OUT}. */
  public int ioDirection() {
    return segment.get(JAVA_BYTE, IO_DIRECTION);
  }

  /** {@link KvmExit#IO}: bytes of one access: 1, 2 or 4. */
  public int ioSize() {
    return segment.get(JAVA_BYTE, IO_SIZE);
  }

  /** {@link KvmExit#IO}: the port, 0 to 65535. */
  public int ioPort() {
    return Short.toUnsignedInt(segment.get(JAVA_SHORT, IO_PORT));
  }

  /** {@link KvmExit#IO}: how many accesses, more than 1 for string instructions. */
  public int ioCount() {
    return segment.get(JAVA_INT, IO_COUNT);
  }

  /**
   * {@link KvmExit#IO}: where in the shared area the data of the accesses is, one after the other.
   */
  private long ioDataOffset() {
    return segment.get(JAVA_LONG, IO_DATA_OFFSET);
  }

  /**
   * {@link KvmExit#IO}: the data of one access, little-endian, zero-extended from {@link #ioSize}
   * bytes.
   *
   * @param access from 0 to {@link #ioCount} - 1
   */
  public int ioData(int access) {
    int size = ioSize();
    long offset = ioDataOffset() + (long) access * size;
    return switch (size) {
      case 1 -> Byte.toUnsignedInt(segment.get(JAVA_BYTE, offset));
      case 2 -> Short.toUnsignedInt(segment.get(JAVA_SHORT_UNALIGNED, offset));
      default -> segment.get(JAVA_INT_UNALIGNED, offset);
    };
  }

  /**
   * {@link KvmExit#IO}: sets the data that the guest reads in one access; the low {@link #ioSize}
   * bytes count.
   *
   * @param access from 0 to {@link #ioCount} - 1
   */
  public void ioData(int access, int value) {
    int size = ioSize();
    long offset = ioDataOffset() + (long) access * size;
    switch (size) {
      case 1 -> segment.set(JAVA_BYTE, offset, (byte) value);
      case 2 -> segment.set(JAVA_SHORT_UNALIGNED, offset, (short) value);
      default -> segment.set(JAVA_INT_UNALIGNED, offset, value);
    }
  }

  /** {@link KvmExit#MMIO}: the guest-physical address. */
  public long mmioAddress() {
    return segment.get(JAVA_LONG, MMIO_ADDRESS);
  }

  /** {@link KvmExit#MMIO}: bytes of the access, 1 to 8. */
  public int mmioLength() {
    return segment.get(JAVA_INT, MMIO_LENGTH);
  }

  /** {@link KvmExit#MMIO}: whether the guest wrote. */
  public boolean mmioIsWrite() {
    return segment.get(JAVA_BYTE, MMIO_IS_WRITE) != 0;
  }

  /**
   * {@link KvmExit#MMIO}: what the guest wrote, little-endian, zero-extended from {@link
   * #mmioLength} bytes.
   */
  public long mmioData() {
    long value = segment.get(JAVA_LONG, MMIO_DATA);
    int length = mmioLength();
    return length >= Long.BYTES ? value : value & ((1L << (length * Byte.SIZE)) - 1);
  }

  /**
   * {@link KvmExit#MMIO}: sets what the guest reads, little-endian; the low {@link #mmioLength}
   * bytes count.
   */
  public void mmioData(long value) {
    segment.set(JAVA_LONG, MMIO_DATA, value);
  }

  /** {@link KvmExit#INTERNAL_ERROR}: {@code KvmExit.INTERNAL_ERROR_*}. */
  public int internalSuberror() {
    return segment.get(JAVA_INT, INTERNAL_SUBERROR);
  }

  /** {@link KvmExit#IOAPIC_EOI}: the vector of the interrupt that has ended, 0 to 255. */
  public int eoiVector() {
    return Byte.toUnsignedInt(segment.get(JAVA_BYTE, EOI_VECTOR));
  }

  /** {@link KvmExit#INTERNAL_ERROR}: how many words KVM adds, 0 to 16. */
  public int internalDataCount() {
    return Math.clamp(segment.get(JAVA_INT, INTERNAL_NDATA), 0, MAX_INTERNAL_DATA);
  }

  /**
   * {@link KvmExit#INTERNAL_ERROR}: a word that KVM adds, for instance the hardware's exit reason.
   *
   * @param word from 0 to {@link #internalDataCount} - 1
   */
  public long internalData(int word) {
    return segment.get(JAVA_LONG, INTERNAL_DATA + (long) word * Long.BYTES);
  }

  /**
   * {@link KvmExit#MEMORY_FAULT}: the guest-physical address of the access. {@link KvmVcpu#run}
   * returns EFAULT or EHWPOISON with that exit.
   */
  public long memoryFaultAddress() {
    return segment.get(JAVA_LONG, MEMORY_FAULT_GPA);
  }

  /** {@link KvmExit#MEMORY_FAULT}: how many bytes KVM wanted there. */
  public long memoryFaultSize() {
    return segment.get(JAVA_LONG, MEMORY_FAULT_SIZE);
  }
}
