package dev.ballast.vmm.vcpu;

import java.util.List;

/** All vCPUs of a machine, which run and stop together. */
public final class VcpuSet implements AutoCloseable {
  private final List<VcpuThread> vcpus;

  /**
   * @param vcpus ordered by number; closed with this
   */
  public VcpuSet(List<VcpuThread> vcpus) {
    this.vcpus = List.copyOf(vcpus);
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

  /** Lets all vCPUs run. */
  public void resume() {
    vcpus.forEach(VcpuThread::resume);
  }

  @Override
  public void close() {
    requestPause();
    vcpus.forEach(VcpuThread::close);
  }
}
