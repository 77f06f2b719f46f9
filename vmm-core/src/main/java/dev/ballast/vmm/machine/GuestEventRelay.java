package dev.ballast.vmm.machine;

import dev.ballast.vmm.vcpu.VcpuExit;
import org.jspecify.annotations.Nullable;

/** Lets devices be made before the machine that listens to them. */
final class GuestEventRelay implements GuestEvents {
  private volatile @Nullable GuestEvents target;

  void forwardTo(GuestEvents events) {
    target = events;
  }

  private GuestEvents target() {
    GuestEvents events = target;
    if (events == null) {
      throw new IllegalStateException("a guest event before the vCPUs were started");
    }
    return events;
  }

  @Override
  public void reset() {
    target().reset();
  }

  @Override
  public void powerOff() {
    target().powerOff();
  }

  @Override
  public void panicked() {
    target().panicked();
  }

  @Override
  public void crashKernelTakesOver() {
    target().crashKernelTakesOver();
  }

  @Override
  public void crashed(VcpuExit exit) {
    target().crashed(exit);
  }
}
