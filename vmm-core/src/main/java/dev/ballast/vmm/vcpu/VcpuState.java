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

  /**
   * @param vcpu the vCPU; parked whenever its state is touched, or on its thread
   * @param msrIndices returns the MSRs that are saved: those that the guest can reach
   * @param tsc holds the TSCs of all vCPUs as they were when the machine was stopped
   * @param thread the vCPU's
   */
  public VcpuState(VcpuRegisters vcpu, Supplier<int[]> msrIndices, GuestTsc tsc, Executor thread) {
    this.vcpu = vcpu;
    this.msrIndices = msrIndices;
    this.tsc = tsc;
    this.thread = thread;
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
    return size + Integer.BYTES + msrIndices.get().length * (Integer.BYTES + Long.BYTES);
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
    MsrTable msrs = vcpu.getMsrs(msrIndices.get());
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
    int count = reader.u32("MSR count", 0, 4096);
    int[] indices = new int[count];
    long[] values = new long[count];
    for (int i = 0; i < count; i++) {
      indices[i] = reader.u32();
      values[i] = reader.u64();
    }
    byte[] events = blob(reader, AFTER_MSRS);
    for (int i = 0; i < blobs.size(); i++) {
      set(BEFORE_MSRS.get(i), blobs.get(i));
    }
    setMsrs(indices, values);
    new MsrTable(indices, values)
        .find(KvmVcpuTsc.MSR_TSC)
        .ifPresent(value -> tsc.load(vcpu.id(), value));
    vcpu.set(AFTER_MSRS, events);
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
  private void setMsrs(int[] indices, long[] values) throws IOException {
    MsrTable current = vcpu.getMsrs(indices);
    int[] differing = new int[indices.length];
    long[] wanted = new long[indices.length];
    int count = 0;
    int next = 0;
    for (int i = 0; i < indices.length; i++) {
      // In the same order, without those that KVM does not read.
      boolean known = next < current.size() && current.index(next) == indices[i];
      if (!known || current.value(next) != values[i]) {
        differing[count] = indices[i];
        wanted[count++] = values[i];
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
