package dev.ballast.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.kvm.VcpuStateKind;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class VcpuStateTest {
  private static final int DEADLINE = 0x6e0;
  private static final int[] MSRS = {0x10, 0x277, DEADLINE};

  private final FakeRegisters vcpu = new FakeRegisters(MSRS);

  private static VcpuState state(FakeRegisters vcpu) throws IOException {
    GuestTsc tsc = new GuestTsc(List.of(new StillTsc()), false);
    return new VcpuState(vcpu, () -> MSRS, tsc, Runnable::run);
  }

  /** Fixed, so that nothing here depends on time. */
  private static final class StillTsc implements VcpuTsc {
    private long value = 1000;

    @Override
    public int khz() {
      return 1_000_000;
    }

    @Override
    public void khz(int khz) {}

    @Override
    public long value() {
      return value;
    }

    @Override
    public void value(long next) {
      value = next;
    }

    @Override
    public boolean hasOffset() {
      return false;
    }

    @Override
    public long offset() {
      return 0;
    }

    @Override
    public void offset(long offset) {}

    @Override
    public void restartDeadline() {}
  }

  private static byte[] save(FakeRegisters vcpu) throws IOException {
    StateWriter writer = new StateWriter();
    state(vcpu).saveState(writer);
    return writer.toByteArray();
  }

  /**
   * A timer that fires between the two is in the local APIC then, or twice there, and never lost.
   */
  @Test
  void readsTheTimerBeforeTheLocalApicThatItInterrupts() throws IOException {
    save(vcpu);
    assertThat(vcpu.calls).containsSubsequence("get MSRS", "get LAPIC");
    assertThat(vcpu.calls.getFirst()).as("may change registers").isEqualTo("get MP_STATE");
    assertThat(vcpu.calls.getLast()).isEqualTo("get VCPU_EVENTS");
  }

  @Test
  void setsWhatTheOthersDependOnFirst() throws IOException {
    vcpu.msrs.put(DEADLINE, 5L);
    byte[] saved = save(vcpu);
    FakeRegisters other = new FakeRegisters(MSRS);
    other.state.put(VcpuStateKind.LAPIC, new byte[] {99});
    load(other, saved);
    assertThat(other.calls)
        .containsSubsequence("set SREGS", "set LAPIC", "set MSRS", "set VCPU_EVENTS");
    assertThat(other.msrs).containsEntry(DEADLINE, 5L).containsEntry(0x10, 1000L);
  }

  private static void load(FakeRegisters vcpu, byte[] saved) throws IOException {
    StateReader reader = new StateReader("vcpu0", saved);
    state(vcpu).loadState(reader, 1);
    reader.end();
  }

  @Test
  void aLocalApicThatIsAsItWasIsNotSet() throws IOException {
    byte[] saved = save(vcpu);
    FakeRegisters other = new FakeRegisters(MSRS);
    load(other, saved);
    assertThat(other.calls).contains("set SREGS", "set VCPU_EVENTS").doesNotContain("set LAPIC");
  }

  /** The guest of a source that offers less cannot reach all that this machine offers. */
  @Test
  void powerOnSetsOnlyWhatTheGuestCanReach() throws IOException {
    int unreachable = 0x38f;
    int[] all = {0x10, 0x277, DEADLINE, unreachable};
    FakeRegisters registers = new FakeRegisters(all, unreachable);
    registers.msrs.put(0x277, 7L);
    registers.msrs.put(unreachable, 3L);
    VcpuState powerOn = state(registers).atPowerOn(all);
    StateWriter writer = new StateWriter();
    powerOn.saveState(writer);
    registers.msrs.put(0x277, 1L);
    registers.msrs.put(unreachable, 0L);
    StateReader reader = new StateReader("vcpu0", writer.toByteArray());
    powerOn.loadState(reader, 1);
    reader.end();
    assertThat(registers.msrs).containsEntry(0x277, 7L).containsEntry(unreachable, 0L);
  }

  /** Older and newer versions of this program exchange it. */
  @Test
  void theSectionHasTheLocalApicBeforeTheMsrs() throws IOException {
    StateReader reader = new StateReader("vcpu0", save(vcpu));
    for (VcpuStateKind kind :
        List.of(
            VcpuStateKind.MP_STATE,
            VcpuStateKind.REGS,
            VcpuStateKind.SREGS,
            VcpuStateKind.XSAVE,
            VcpuStateKind.XCRS,
            VcpuStateKind.DEBUGREGS,
            VcpuStateKind.LAPIC)) {
      assertThat(reader.bytes(16)).isEqualTo(FakeRegisters.mark(kind));
    }
    assertThat(reader.u32()).isEqualTo(MSRS.length);
    for (int msr : MSRS) {
      assertThat(reader.u32()).isEqualTo(msr);
      reader.u64();
    }
    assertThat(reader.bytes(16)).isEqualTo(FakeRegisters.mark(VcpuStateKind.VCPU_EVENTS));
    reader.end();
  }
}
