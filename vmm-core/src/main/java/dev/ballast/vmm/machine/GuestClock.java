package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.ClockState;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.kvm.VmStateKind;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import dev.ballast.vmm.vcpu.GuestTsc;
import java.io.IOException;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The guest's two clocks, of which it may use either: the paravirtual one (KVM API §4.29) and the
 * TSC. While the machine is stopped, and on its way elsewhere, both stand still or both go on with
 * the host's wall clock: never one alone.
 */
final class GuestClock implements Snapshottable {
  private static final Logger log = LoggerFactory.getLogger(GuestClock.class);

  private final KvmVm vm;
  private final GuestTsc tsc;
  private final ClockPolicy policy;
  private byte[] stopped;

  /**
   * @param vm whose vCPUs have been made and never ran
   * @param tsc their TSCs
   * @param policy what the clocks do while the machine is stopped
   * @throws IOException if KVM cannot do what the policy needs
   */
  GuestClock(KvmVm vm, GuestTsc tsc, ClockPolicy policy) throws IOException {
    if (policy == ClockPolicy.REALTIME && !vm.canAdvanceClock()) {
      throw new IOException(
          "the guest's clock cannot follow the wall clock: this host's KVM lacks KVM_CLOCK_REALTIME;"
              + " Linux 5.16 has it");
    }
    this.vm = vm;
    this.tsc = tsc;
    this.policy = policy;
    this.stopped = read();
  }

  private byte[] read() throws IOException {
    byte[] state = vm.get(VmStateKind.CLOCK);
    Instant now = Instant.now();
    return ClockState.withWallClock(
        state, TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano());
  }

  /** Records both clocks, for {@link #start} and for the state. Call while vCPUs are parked. */
  void stop() throws IOException {
    stopped = read();
    tsc.stop();
  }

  /**
   * Restarts both clocks from where they were recorded, or from there plus the time that has passed
   * since, as the policy says. Call while vCPUs are parked, before they run.
   */
  void start() throws IOException {
    boolean follows = policy == ClockPolicy.REALTIME;
    if (follows && ClockState.hasWallClock(stopped)) {
      vm.setClockAdvanced(stopped);
    } else {
      if (follows) {
        log.warn(
            "the source does not say its wall clock: the guest's clocks fall behind this once");
      }
      vm.set(VmStateKind.CLOCK, stopped);
    }
    long now = ClockState.nanoseconds(vm.get(VmStateKind.CLOCK));
    tsc.start(now - ClockState.nanoseconds(stopped));
  }

  @Override
  public String stateName() {
    return "kvm-clock";
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    writer.bytes(stopped);
  }

  @Override
  public void loadState(StateReader reader, int version) throws IOException {
    stopped = reader.exactBytes(stopped.length);
  }
}
