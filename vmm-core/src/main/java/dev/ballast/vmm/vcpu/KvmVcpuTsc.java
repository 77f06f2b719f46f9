package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.ffi.linux.ErrnoException;
import java.io.IOException;
import java.util.OptionalLong;

/** The TSC of a KVM vCPU: MSR IA32_TSC, and the vCPU's attribute KVM_VCPU_TSC_OFFSET. */
public final class KvmVcpuTsc implements VcpuTsc {
  /** IA32_TIME_STAMP_COUNTER (Intel SDM 4, table 2-2). */
  static final int MSR_TSC = 0x10;

  private static final int MSR_TSC_DEADLINE = 0x6e0;

  private final KvmVcpu vcpu;
  private final boolean hasOffset;

  /** Creates a view of a vCPU, which this does not close. */
  public KvmVcpuTsc(KvmVcpu vcpu) {
    this.vcpu = vcpu;
    this.hasOffset = vcpu.hasTscOffset();
  }

  @Override
  public int khz() {
    try {
      return vcpu.tscKhz();
    } catch (ErrnoException _) {
      // EIO where the host's TSC is unstable: the guest has no frequency that could be relied on.
      return 0;
    }
  }

  @Override
  public void khz(int khz) throws IOException {
    vcpu.setTscKhz(khz);
  }

  @Override
  public long value() throws IOException {
    return msr(MSR_TSC).orElseThrow(() -> new IOException("this host's KVM does not read the TSC"));
  }

  @Override
  public void value(long value) throws IOException {
    set(MSR_TSC, value);
  }

  @Override
  public boolean hasOffset() {
    return hasOffset;
  }

  @Override
  public long offset() throws IOException {
    return vcpu.tscOffset();
  }

  @Override
  public void offset(long offset) throws IOException {
    vcpu.setTscOffset(offset);
  }

  @Override
  public void restartDeadline() throws IOException {
    long deadline = msr(MSR_TSC_DEADLINE).orElse(0);
    if (deadline != 0) {
      set(MSR_TSC_DEADLINE, deadline);
    }
  }

  private OptionalLong msr(int index) throws IOException {
    return vcpu.getMsrs(new int[] {index}).find(index);
  }

  private void set(int index, long value) throws IOException {
    vcpu.setMsrs(new MsrTable(new int[] {index}, new long[] {value}));
  }
}
