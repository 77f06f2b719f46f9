package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.vmm.thread.Batch;
import java.io.IOException;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** All vCPUs of a machine, which run and stop together. */
public final class VcpuSet implements AutoCloseable {
  /** Changes only while the machine is built. */
  private final List<VcpuThread> vcpus = new CopyOnWriteArrayList<>();

  private final VcpuThrottle throttle = new VcpuThrottle(vcpus);

  /** Adds the vCPU with the next number; {@link #close} closes it. */
  public void add(VcpuThread vcpu) {
    vcpus.add(vcpu);
  }

  /** Returns the vCPUs, ordered by number. */
  public List<VcpuThread> vcpus() {
    return Collections.unmodifiableList(vcpus);
  }

  /** What is done with a vCPU, on its thread. */
  @FunctionalInterface
  public interface VcpuAction {
    /** Does it. */
    void accept(KvmVcpu vcpu) throws IOException;
  }

  /**
   * Does something with every vCPU, on its thread and outside of the guest ({@link
   * VcpuThread#execute}); waits until it is done. Not on a vCPU's thread.
   *
   * @throws IOException what the action threw for the first vCPU for which it failed; it is done
   *     with the others nevertheless
   */
  public void forEach(VcpuAction action) throws IOException {
    Batch.run(vcpus, index -> action.accept(vcpus.get(index).vcpu()));
  }

  /** Asks all vCPUs to park; does not wait. Any thread, those of vCPUs too. */
  public void requestPause() {
    vcpus.forEach(VcpuThread::requestPause);
  }

  /** Parks all vCPUs at the same time and waits until they are parked. Not on a vCPU's thread. */
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
   * @param percent the share of the time that they stay out of the guest, 0 to 99
   */
  public void throttle(int percent) {
    throttle.set(percent);
  }

  /** Returns the share of the time that the vCPUs stay out of the guest, in percent. Any thread. */
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
