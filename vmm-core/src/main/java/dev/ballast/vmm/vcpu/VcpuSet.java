package dev.ballast.vmm.vcpu;

import java.util.List;

/** All vCPUs of a machine, which run and stop together. */
public final class VcpuSet implements AutoCloseable {
  private final List<VcpuThread> vcpus;
  private final VcpuThrottle throttle;

  /**
   * @param vcpus ordered by number; closed with this
   */
  public VcpuSet(List<VcpuThread> vcpus) {
    this.vcpus = List.copyOf(vcpus);
    this.throttle = new VcpuThrottle(this.vcpus);
  }

  /** Returns the vCPUs, ordered by number. */
  public List<VcpuThread> vcpus() {
    return vcpus;
  }

  /** Asks all vCPUs to park; does not wait. Any thread, those of vCPUs too. */
  public void requestPause() {
    vcpus.forEach(VcpuThread::requestPause);
  }

  /** Parks all vCPUs, at once rather than one after the other. Not on a vCPU's thread. */
  public void pause() {
    requestPause();
    vcpus.forEach(VcpuThread::awaitParked);
  }

  /** Resumes all vCPUs. */
  public void resume() {
    vcpus.forEach(VcpuThread::resume);
  }

  /**
   * Throttles the vCPUs: they run only a part of the time; pausing them stays immediate. Any thread
   * but a vCPU's.
   *
   * @param percent how much of the time they stay out of the guest, 0 to 99
   */
  public void throttle(int percent) {
    throttle.set(percent);
  }

  /** Returns how much of the time the vCPUs stay out of the guest, in percent. Any thread. */
  public int throttlePercentage() {
    return throttle.percentage();
  }

  @Override
  public void close() {
    throttle.set(0);
    requestPause();
    vcpus.forEach(VcpuThread::close);
  }
}
