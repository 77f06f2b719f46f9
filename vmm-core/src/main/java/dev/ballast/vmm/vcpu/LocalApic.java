package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.VcpuStateKind;
import dev.ballast.ffi.linux.ErrnoException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The pins of a vCPU's local APIC (Intel SDM 3A, §11.5.1 "Local Vector Table"). */
public final class LocalApic {
  private static final int LVT_LINT1 = 0x360;
  private static final int MASKED = 1 << 16;
  private static final int DELIVERY_MODE = 7 << 8;
  private static final int DELIVERY_MODE_NMI = 4 << 8;

  private LocalApic() {}

  /**
   * Raises LINT1, the pin for NMIs. The vCPU must be parked.
   *
   * @return whether the guest accepts NMIs there; if not, nothing has happened
   * @throws ErrnoException if KVM refuses
   */
  public static boolean raiseLint1(KvmVcpu vcpu) throws ErrnoException {
    int entry =
        ByteBuffer.wrap(vcpu.get(VcpuStateKind.LAPIC))
            .order(ByteOrder.nativeOrder())
            .getInt(LVT_LINT1);
    if ((entry & MASKED) != 0 || (entry & DELIVERY_MODE) != DELIVERY_MODE_NMI) {
      return false;
    }
    vcpu.nmi();
    return true;
  }
}
