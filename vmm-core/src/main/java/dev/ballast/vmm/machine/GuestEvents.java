package dev.ballast.vmm.machine;

import dev.ballast.vmm.device.PlatformEvents;
import dev.ballast.vmm.vcpu.VcpuExit;

/** What a guest can cause. Called on vCPU threads; must not block. */
interface GuestEvents extends PlatformEvents {
  /** A vCPU cannot go on. */
  void crashed(VcpuExit exit);
}
