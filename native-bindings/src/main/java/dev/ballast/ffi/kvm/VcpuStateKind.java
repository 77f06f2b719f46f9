package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_regs;
import dev.ballast.ffi.generated.kvm.kvm_sregs;

/**
 * The parts of a vCPU's state that are one struct of the kernel, carried as its bytes,
 * native-endian. MSRs, CPUID and the TSC frequency are not among them.
 *
 * <p>To restore a vCPU: CPUID first, SREGS (with the APIC base) before LAPIC, LAPIC before the MSRs
 * (one of which is the TSC deadline), and VCPU_EVENTS last, because setting the others may change
 * them.
 */
public enum VcpuStateKind {
  /** General registers: {@link KvmRegs}. */
  REGS(KvmH.KVM_GET_REGS(), KvmH.KVM_SET_REGS(), kvm_regs.sizeof()),
  /** Segment and control registers: {@link KvmSregs}. */
  SREGS(KvmH.KVM_GET_SREGS(), KvmH.KVM_SET_SREGS(), kvm_sregs.sizeof()),
  /** x87 and SSE state; a part of XSAVE. */
  FPU(KvmH.KVM_GET_FPU(), KvmH.KVM_SET_FPU(), KvmH.SIZEOF_kvm_fpu()),
  /**
   * All of the processor's extended state; at least 4096 bytes, more when the VM has {@link
   * Capability#XSAVE2}.
   */
  XSAVE(KvmH.KVM_GET_XSAVE(), KvmH.KVM_SET_XSAVE(), KvmH.SIZEOF_kvm_xsave()),
  /** Extended control registers. */
  XCRS(KvmH.KVM_GET_XCRS(), KvmH.KVM_SET_XCRS(), KvmH.SIZEOF_kvm_xcrs()),
  /** The registers of the in-kernel local APIC. */
  LAPIC(KvmH.KVM_GET_LAPIC(), KvmH.KVM_SET_LAPIC(), KvmH.SIZEOF_kvm_lapic_state()),
  /**
   * Whether the vCPU is runnable, halted or waiting for a start-up IPI: a 32-bit {@link MpState}.
   */
  MP_STATE(KvmH.KVM_GET_MP_STATE(), KvmH.KVM_SET_MP_STATE(), KvmH.SIZEOF_kvm_mp_state()),
  /** Pending exceptions, interrupts and NMIs, and the interrupt shadow. */
  VCPU_EVENTS(
      KvmH.KVM_GET_VCPU_EVENTS(), KvmH.KVM_SET_VCPU_EVENTS(), KvmH.SIZEOF_kvm_vcpu_events()),
  /** Debug registers. */
  DEBUGREGS(KvmH.KVM_GET_DEBUGREGS(), KvmH.KVM_SET_DEBUGREGS(), KvmH.SIZEOF_kvm_debugregs());

  final long getRequest;
  final long setRequest;

  /** The requests' names. */
  final String getName = "KVM_GET_" + name();

  final String setName = "KVM_SET_" + name();

  /** In bytes; for XSAVE the minimum. */
  final int size;

  VcpuStateKind(long getRequest, long setRequest, long size) {
    this.getRequest = getRequest;
    this.setRequest = setRequest;
    this.size = (int) size;
  }
}
