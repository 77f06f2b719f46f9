package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.KvmH;

/** Values of {@link VcpuStateKind#MP_STATE} on x86, {@code KVM_MP_STATE_*} (KVM API §4.38). */
public final class MpState {
  public static final int RUNNABLE = KvmH.KVM_MP_STATE_RUNNABLE();

  /** An application processor that has not received its INIT yet. */
  public static final int UNINITIALIZED = KvmH.KVM_MP_STATE_UNINITIALIZED();

  public static final int INIT_RECEIVED = KvmH.KVM_MP_STATE_INIT_RECEIVED();
  public static final int HALTED = KvmH.KVM_MP_STATE_HALTED();
  public static final int SIPI_RECEIVED = KvmH.KVM_MP_STATE_SIPI_RECEIVED();

  private MpState() {}
}
