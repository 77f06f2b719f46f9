package dev.ballast.vmm.machine;

import dev.ballast.vmm.vcpu.VcpuExit;

/** For a guest that never does anything to its machine. */
final class NoGuestEvents implements GuestEvents {
  @Override
  public void reset() {
    throw new AssertionError("reset");
  }

  @Override
  public void powerOff() {
    throw new AssertionError("power off");
  }

  @Override
  public void panicked() {
    throw new AssertionError("panic");
  }

  @Override
  public void crashKernelTakesOver() {
    throw new AssertionError("crash kernel");
  }

  @Override
  public void crashed(VcpuExit exit) {
    throw new AssertionError(exit.summary());
  }
}
