package dev.ballast.vmm.vcpu;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The time stamp counters of a machine's vCPUs. Call every method but {@link #khz} with the vCPUs
 * parked. The TSCs stand still while the machine is stopped, or advance by as much as its
 * paravirtual clock does; their differences are kept, across a migration too. Where KVM has the TSC
 * offset attribute (Documentation/virt/kvm/devices/vcpu.rst §4.1) they are kept exactly. Elsewhere
 * the values are written one after the other, and KVM makes those equal that are less than a second
 * apart.
 */
public final class GuestTsc {
  private static final Logger log = LoggerFactory.getLogger(GuestTsc.class);

  /** As in KVM ({@code tsc_tolerance_ppm}) and QEMU: clocks that NTP disciplines differ by less. */
  private static final int TOLERANCE_PPM = 250;

  private static final long MILLION = 1_000_000;

  private final List<VcpuTsc> vcpus;
  private final boolean scalable;
  private final boolean exact;
  private final int ownKhz;
  private final long[] stopped;

  /** Cached, because KVM_GET_TSC_KHZ on a running vCPU waits until it leaves the guest. */
  private volatile int khz;

  private boolean loaded;
  private boolean reportedIgnored;

  /**
   * @param vcpus ordered by number, one at least
   * @param scalable whether a TSC may have another frequency than the host's (KVM_CAP_TSC_CONTROL)
   * @throws IOException if KVM refuses to read a TSC
   */
  public GuestTsc(List<? extends VcpuTsc> vcpus, boolean scalable) throws IOException {
    this.vcpus = List.copyOf(vcpus);
    this.scalable = scalable;
    this.exact = this.vcpus.stream().allMatch(VcpuTsc::hasOffset);
    this.ownKhz = this.vcpus.getFirst().khz();
    this.khz = ownKhz;
    this.stopped = new long[this.vcpus.size()];
    stop();
  }

  /**
   * Returns the frequency of the guest's TSCs in kHz, or 0 if KVM does not report one. Any thread.
   */
  public int khz() {
    return khz;
  }

  /**
   * Sets the TSCs' frequency to that of the host where the guest comes from. A guest measures it
   * once, when it boots, and bases its clock and its timers on it from then on. Call it before the
   * values are loaded.
   *
   * @param khz the frequency at the source, as {@link #khz} returned it there; 0 if it is unknown,
   *     which changes nothing
   * @throws IOException if this host's KVM cannot scale to it and the host's own frequency is not
   *     within the tolerance; the message has both frequencies
   */
  public void adopt(int khz) throws IOException {
    if (khz == 0 || ownKhz == 0) {
      log.warn(
          "the TSC frequency of {} is not known: if it is another one, the guest's time goes wrong",
          khz == 0 ? "the source" : "this host");
    }
    int wanted = khz == 0 ? ownKhz : khz;
    if (wanted == this.khz) {
      return;
    }
    boolean close =
        ownKhz == 0 || Math.abs((long) wanted - ownKhz) * MILLION <= (long) ownKhz * TOLERANCE_PPM;
    if (!scalable && !close) {
      throw differs(wanted, "its KVM does not scale it", null);
    }
    try {
      for (VcpuTsc vcpu : vcpus) {
        vcpu.khz(wanted);
      }
    } catch (IOException e) {
      if (!close) {
        throw differs(wanted, "its KVM does not scale it so far", e);
      }
      log.debug("the guest's TSC stays at {} kHz instead of {}", ownKhz, wanted, e);
    }
    this.khz = vcpus.getFirst().khz();
  }

  private IOException differs(int source, String why, @Nullable IOException cause) {
    return new IOException(
        "TSC frequency: source has %d kHz, destination has %d kHz and %s; take one within %d ppm"
            .formatted(source, ownKhz, why, TOLERANCE_PPM),
        cause);
  }

  /** Records the values of the TSCs, which {@link #start} continues from. */
  public void stop() throws IOException {
    stopped[0] = vcpus.getFirst().value();
    long base = exact ? stopped[0] - vcpus.getFirst().offset() : 0;
    for (int i = 1; i < stopped.length; i++) {
      stopped[i] = exact ? base + vcpus.get(i).offset() : vcpus.get(i).value();
    }
    loaded = false;
  }

  /**
   * Does for one vCPU what {@link #stop} does for all, and forgets it, so that first-time costs do
   * not fall into the time for which the guest is stopped. The vCPU is parked, or this is its
   * thread.
   */
  public void rehearseStop(int vcpu) throws IOException {
    long _ = exact ? vcpus.get(vcpu).offset() : vcpus.get(vcpu).value();
  }

  /** Returns the value of a vCPU's TSC when it was stopped, or the value loaded since. */
  public long stopped(int vcpu) {
    return stopped[vcpu];
  }

  /**
   * Sets the value from which {@link #start} continues: that of a vCPU that was stopped on another
   * host, or before a reset.
   */
  public void load(int vcpu, long value) {
    stopped[vcpu] = value;
    loaded = true;
  }

  /**
   * Restarts the TSCs from where they were stopped.
   *
   * @param passedNanos by how much the guest's paravirtual clock has advanced since then, in
   *     nanoseconds
   */
  public void start(long passedNanos) throws IOException {
    if (loaded) {
      align();
    }
    long passed = ticks(passedNanos, khz);
    if (exact) {
      VcpuTsc first = vcpus.getFirst();
      long base = first.offset() + stopped[0] + passed - first.value();
      for (int i = 0; i < stopped.length; i++) {
        vcpus.get(i).offset(base + stopped[i] - stopped[0]);
      }
    } else {
      for (int i = 0; i < stopped.length; i++) {
        vcpus.get(i).value(stopped[i] + passed);
      }
    }
    for (VcpuTsc vcpu : vcpus) {
      vcpu.restartDeadline();
    }
    checkApplied(stopped[0] + passed);
  }

  /**
   * Makes TSCs equal that are less than a second apart, as KVM does: they were equal, and differ
   * only because they were read one after the other.
   */
  private void align() {
    long second = ticks(1_000 * MILLION, khz);
    for (int i = 1; i < stopped.length; i++) {
      if (Math.abs(stopped[i] - stopped[0]) < second) {
        stopped[i] = stopped[0];
      }
    }
    loaded = false;
  }

  static long ticks(long nanos, int khz) {
    return nanos / MILLION * khz + nanos % MILLION * khz / MILLION;
  }

  private void checkApplied(long wanted) throws IOException {
    if (reportedIgnored || !log.isDebugEnabled()) {
      return;
    }
    long tenMillis = ticks(10 * MILLION, khz);
    long off = vcpus.getFirst().value() - wanted;
    if (Math.abs(off) > tenMillis) {
      reportedIgnored = true;
      log.debug("this host's KVM does not set the guest's TSC: it is {} ticks ahead", off);
    }
  }
}
