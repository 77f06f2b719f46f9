package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.ffi.kvm.VcpuRegisters;
import dev.ballast.ffi.kvm.VcpuStateKind;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU's whole state as KVM hands it out, in the order in which KVM must take it back: the system
 * registers carry the APIC base that the local APIC depends on, the local APIC must be there before
 * the TSC-deadline MSR, and pending events come last (KVM API §4.31, §4.57). Its TSC is the value
 * at which the machine was stopped; {@link GuestTsc} sets the TSC when the machine resumes.
 *
 * <p>It is read in another order: the MSRs before the local APIC. A TSC-deadline timer that fires
 * while the state is read makes an interrupt in the local APIC and clears the MSR; read the other
 * way round, it could be in neither, and the guest would never get another tick.
 */
public final class VcpuState implements Snapshottable {
  private static final List<VcpuStateKind> BEFORE_MSRS =
      List.of(
          VcpuStateKind.MP_STATE,
          VcpuStateKind.REGS,
          VcpuStateKind.SREGS,
          VcpuStateKind.XSAVE,
          VcpuStateKind.XCRS,
          VcpuStateKind.DEBUGREGS,
          VcpuStateKind.LAPIC);

  /** Of {@link #BEFORE_MSRS}, those that are read before the MSRs as well: all but the LAPIC. */
  private static final int READ_BEFORE_MSRS = BEFORE_MSRS.indexOf(VcpuStateKind.LAPIC);

  private static final VcpuStateKind AFTER_MSRS = VcpuStateKind.VCPU_EVENTS;
  private static final int MAX_BLOB = 64 << 10;

  private final VcpuRegisters vcpu;
  private final Supplier<int[]> msrIndices;
  private final GuestTsc tsc;
  private final Executor thread;

  /** The MSRs that are saved, if those are not the ones that the guest can reach. */
  private final int @Nullable [] all;

  /**
   * @param vcpu the vCPU; parked whenever its state is touched, or on its thread
   * @param msrIndices returns the MSRs that are saved: those that the guest can reach
   * @param tsc holds the TSCs of all vCPUs as they were when the machine was stopped
   * @param thread the vCPU's
   */
  public VcpuState(VcpuRegisters vcpu, Supplier<int[]> msrIndices, GuestTsc tsc, Executor thread) {
    this(vcpu, msrIndices, tsc, thread, null);
  }

  private VcpuState(
      VcpuRegisters vcpu,
      Supplier<int[]> msrIndices,
      GuestTsc tsc,
      Executor thread,
      int @Nullable [] all) {
    this.vcpu = vcpu;
    this.msrIndices = msrIndices;
    this.tsc = tsc;
    this.thread = thread;
    this.all = all;
  }

  /**
   * Returns the state of the same vCPU for power-on: saved before it is known which guest will be
   * here, and loaded without the MSRs that this one cannot reach.
   *
   * @param indices the MSRs that any guest here can reach
   */
  public VcpuState atPowerOn(int[] indices) {
    return new VcpuState(vcpu, msrIndices, tsc, thread, indices);
  }

  private int[] saved() {
    return all == null ? msrIndices.get() : all;
  }

  @Override
  public String stateName() {
    return "vcpu" + vcpu.id();
  }

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public int sizeHint() {
    int size = Integer.BYTES + vcpu.size(AFTER_MSRS);
    for (VcpuStateKind kind : BEFORE_MSRS) {
      size += Integer.BYTES + vcpu.size(kind);
    }
    return size + Integer.BYTES + saved().length * (Integer.BYTES + Long.BYTES);
  }

  @Override
  public Optional<Executor> executor() {
    return Optional.of(thread);
  }

  @Override
  public void saveState(StateWriter writer) throws IOException {
    for (VcpuStateKind kind : BEFORE_MSRS.subList(0, READ_BEFORE_MSRS)) {
      writer.bytes(vcpu.get(kind));
    }
    MsrTable msrs = vcpu.getMsrs(saved());
    for (VcpuStateKind kind : BEFORE_MSRS.subList(READ_BEFORE_MSRS, BEFORE_MSRS.size())) {
      writer.bytes(vcpu.get(kind));
    }
    writer.u32(msrs.size());
    for (int i = 0; i < msrs.size(); i++) {
      boolean isTsc = msrs.index(i) == KvmVcpuTsc.MSR_TSC;
      writer.u32(msrs.index(i)).u64(isTsc ? tsc.stopped(vcpu.id()) : msrs.value(i));
    }
    writer.bytes(vcpu.get(AFTER_MSRS));
  }

  @Override
  public void loadState(StateReader reader, int version) throws IOException {
    List<byte[]> blobs = new ArrayList<>();
    for (VcpuStateKind kind : BEFORE_MSRS) {
      blobs.add(blob(reader, kind));
    }
    MsrTable msrs = msrs(reader);
    byte[] events = blob(reader, AFTER_MSRS);
    for (int i = 0; i < blobs.size(); i++) {
      set(BEFORE_MSRS.get(i), blobs.get(i));
    }
    setMsrs(msrs);
    msrs.find(KvmVcpuTsc.MSR_TSC).ifPresent(value -> tsc.load(vcpu.id(), value));
    vcpu.set(AFTER_MSRS, events);
  }

  private MsrTable msrs(StateReader reader) throws IOException {
    int left = reader.u32("MSR count", 0, 4096);
    int[] indices = new int[left];
    long[] values = new long[left];
    int count = 0;
    for (; left > 0; left--) {
      int index = reader.u32();
      long value = reader.u64();
      if (all == null || isReachable(index)) {
        indices[count] = index;
        values[count++] = value;
      }
    }
    return new MsrTable(Arrays.copyOf(indices, count), Arrays.copyOf(values, count));
  }

  private boolean isReachable(int index) {
    for (int reachable : msrIndices.get()) {
      if (reachable == index) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whenever a local APIC is set, KVM makes its map of all of them anew: with many vCPUs that takes
   * longer than all the rest. That of a vCPU that the guest never started is as it was.
   */
  private void set(VcpuStateKind kind, byte[] state) throws IOException {
    if (kind != VcpuStateKind.LAPIC || !Arrays.equals(vcpu.get(kind), state)) {
      vcpu.set(kind, state);
    }
  }

  private byte[] blob(StateReader reader, VcpuStateKind kind) throws IOException {
    byte[] blob = reader.bytes(MAX_BLOB);
    int expected = vcpu.size(kind);
    if (blob.length != expected) {
      throw reader.fail(
          kind + " is " + blob.length + " bytes long, this host's KVM has " + expected);
    }
    return blob;
  }

  /** Writes the MSRs that differ: some that KVM lists may be read but not written. */
  private void setMsrs(MsrTable msrs) throws IOException {
    int[] indices = new int[msrs.size()];
    Arrays.setAll(indices, msrs::index);
    MsrTable current = vcpu.getMsrs(indices);
    int[] differing = new int[indices.length];
    long[] wanted = new long[indices.length];
    int count = 0;
    int next = 0;
    for (int i = 0; i < indices.length; i++) {
      // In the same order, without those that KVM does not read.
      boolean known = next < current.size() && current.index(next) == indices[i];
      if (!known || current.value(next) != msrs.value(i)) {
        differing[count] = indices[i];
        wanted[count++] = msrs.value(i);
      }
      next += known ? 1 : 0;
    }
    int[] refused =
        vcpu.setMsrs(new MsrTable(Arrays.copyOf(differing, count), Arrays.copyOf(wanted, count)));
    if (refused.length > 0) {
      throw new StateFormatException(
          stateName() + ": this host's KVM refuses MSR 0x" + Integer.toHexString(refused[0]));
    }
  }
}
