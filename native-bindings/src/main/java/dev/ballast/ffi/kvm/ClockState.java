package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_clock_data;
import java.lang.foreign.MemorySegment;

/**
 * Reads fields of the state of {@link VmStateKind#CLOCK} (KVM API §4.29, {@code kvm_clock_data}).
 */
public final class ClockState {
  private ClockState() {}

  /** Returns the guest's paravirtual clock in nanoseconds. */
  public static long nanoseconds(byte[] state) {
    return kvm_clock_data.clock(aligned(state));
  }

  /**
   * Returns the state with the host's wall clock filled in. KVM fills it in itself only where the
   * host's clocksource is the TSC.
   *
   * @param state as {@link KvmVm#get} returned it
   * @param wallClock at the moment of the read, in nanoseconds since 1970 UTC
   */
  public static byte[] withWallClock(byte[] state, long wallClock) {
    MemorySegment fields = aligned(state);
    if (hasWallClock(state)) {
      return state;
    }
    kvm_clock_data.flags(fields, kvm_clock_data.flags(fields) | KvmH.KVM_CLOCK_REALTIME());
    kvm_clock_data.realtime(fields, wallClock);
    return StateBytes.of(fields);
  }

  /**
   * Returns whether the state has the host's wall clock, which {@link KvmVm#setClockAdvanced}
   * needs.
   */
  public static boolean hasWallClock(byte[] state) {
    return (kvm_clock_data.flags(aligned(state)) & KvmH.KVM_CLOCK_REALTIME()) != 0;
  }

  private static MemorySegment aligned(byte[] state) {
    MemorySegment copy = StateBytes.allocate((int) kvm_clock_data.sizeof());
    StateBytes.copy(state, copy);
    return copy;
  }
}
