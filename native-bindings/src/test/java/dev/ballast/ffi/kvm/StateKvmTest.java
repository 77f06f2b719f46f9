package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.ballast.ffi.linux.ErrnoException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** State that is read from one machine can be set on another, and is then what that one returns. */
@Tag("kvm")
class StateKvmTest {
  private static final byte[] HALT = {(byte) 0xf4};
  private static final int MSR_LSTAR = 0xc0000082;
  private static final int MSR_STAR = 0xc0000081;
  private static final int NO_MSR = 0x12345;

  @ParameterizedTest
  @EnumSource
  void vcpuStateMoves(VcpuStateKind kind) throws Exception {
    try (RealModeGuest source = RealModeGuest.with(HALT, 0, true);
        RealModeGuest destination = RealModeGuest.with(HALT, 0, true)) {
      source.vcpu().setRegs(new KvmRegs().rax(0x1234).rflags(2));
      byte[] state = source.vcpu().get(kind);
      assertThat(state).hasSize(source.vcpu().size(kind));
      destination.vcpu().set(kind, state);
      assertThat(destination.vcpu().get(kind)).isEqualTo(state);
      assertThatThrownBy(() -> destination.vcpu().set(kind, new byte[state.length - 1]))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void mpStateIsSet() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true)) {
      byte[] halted = {(byte) MpState.HALTED, 0, 0, 0};
      guest.vcpu().set(VcpuStateKind.MP_STATE, halted);
      assertThat(guest.vcpu().get(VcpuStateKind.MP_STATE)).isEqualTo(halted);
    }
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "CLOCK")
  void vmStateMoves(VmStateKind kind) throws Exception {
    try (RealModeGuest source = RealModeGuest.with(HALT, 0, true);
        RealModeGuest destination = RealModeGuest.with(HALT, 0, true)) {
      source.vm().createPit2(KvmVm.PIT_SPEAKER_DUMMY);
      destination.vm().createPit2(KvmVm.PIT_SPEAKER_DUMMY);
      source.vm().interrupts().irqLine(3, 1);
      source.vm().interrupts().irqLine(10, 1);
      source.vm().interrupts().irqLine(20, 1);
      byte[] state = source.vm().get(kind);
      destination.vm().set(kind, state);
      byte[] loaded = destination.vm().get(kind);
      if (kind == VmStateKind.PIT2) {
        // The kernel stamps the time at which a channel was loaded.
        assertThat(loaded).hasSameSizeAs(state);
      } else {
        assertThat(loaded).isEqualTo(state);
      }
      assertThatThrownBy(() -> destination.vm().set(kind, new byte[state.length + 1]))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void clockGoesOnFromWhereItWasSet() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true)) {
      byte[] state = guest.vm().get(VmStateKind.CLOCK);
      long hour = 3_600_000_000_000L;
      ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN).putLong(0, hour);
      guest.vm().set(VmStateKind.CLOCK, state);
      assertThat(nanoseconds(guest.vm().get(VmStateKind.CLOCK))).isBetween(hour, hour + hour / 10);
    }
  }

  @Test
  void clockCanBeAdvancedByTheTimeThatPassed() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT, 0, true)) {
      byte[] state = guest.vm().get(VmStateKind.CLOCK);
      ByteBuffer fields = ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN);
      assumeThat(fields.getInt(8) & 4).as("KVM_CLOCK_REALTIME of this KVM's clock").isNotZero();
      // As if it had been read an hour ago.
      long hour = 3_600_000_000_000L;
      fields.putLong(16, fields.getLong(16) - hour);
      guest.vm().setClockAdvanced(state);
      long now = nanoseconds(guest.vm().get(VmStateKind.CLOCK));
      assertThat(now - nanoseconds(state)).isBetween(hour, hour + hour / 10);
    }
  }

  @Test
  void msrsAreSetAndRefusedOnesAreNamed() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT)) {
      MsrTable table =
          new MsrTable(new int[] {MSR_LSTAR, NO_MSR, MSR_STAR}, new long[] {0x1000, 1, 0x2000});
      assertThat(guest.vcpu().setMsrs(table)).containsExactly(NO_MSR);

      MsrTable read = guest.vcpu().getMsrs(new int[] {MSR_STAR, NO_MSR, MSR_LSTAR});
      assertThat(read.size()).isEqualTo(2);
      assertThat(read.find(MSR_STAR)).hasValue(0x2000);
      assertThat(read.find(MSR_LSTAR)).hasValue(0x1000);
    }
  }

  @Test
  void allMsrsOfTheListMove() throws Exception {
    try (RealModeGuest source = RealModeGuest.with(HALT, 0, true);
        RealModeGuest destination = RealModeGuest.with(HALT, 0, true);
        Kvm kvm = Kvm.open()) {
      source.vcpu().setCpuid(kvm.supportedCpuid());
      destination.vcpu().setCpuid(kvm.supportedCpuid());
      MsrTable msrs = source.vcpu().getMsrs(kvm.msrIndexList());
      assertThat(msrs.find(MSR_STAR)).isPresent();
      assertThat(destination.vcpu().setMsrs(msrs)).isEmpty();
    }
  }

  @Test
  void timeStampCounterHasAFrequency() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT)) {
      int khz = guest.vcpu().tscKhz();
      assertThat(khz).isPositive();
      guest.vcpu().setTscKhz(khz);
      assertThat(guest.vcpu().tscKhz()).isEqualTo(khz);
    }
  }

  @Test
  void timeStampCountersMoveByTheirOffsets() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT)) {
      assumeThat(guest.vcpu().hasTscOffset()).as("KVM_VCPU_TSC_OFFSET of this KVM").isTrue();
      long hour = 3_600_000L * guest.vcpu().tscKhz();
      long before = guest.vcpu().tscOffset();
      guest.vcpu().setTscOffset(before + hour);
      long after = guest.vcpu().tscOffset();
      assumeThat(after).as("a KVM that does not ignore it").isNotEqualTo(before);
      assertThat(after).isEqualTo(before + hour);
    }
  }

  @Test
  void theWallClockIsPutIntoAClockThatLacksIt() throws Exception {
    byte[] state = new byte[48];
    assertThat(ClockState.hasWallClock(state)).isFalse();
    byte[] with = ClockState.withWallClock(state, 1_700_000_000_000_000_000L);
    assertThat(ClockState.hasWallClock(with)).isTrue();
    assertThat(ByteBuffer.wrap(with).order(ByteOrder.LITTLE_ENDIAN).getLong(16))
        .isEqualTo(1_700_000_000_000_000_000L);
    assertThat(ClockState.withWallClock(with, 5)).isEqualTo(with);
  }

  @Test
  void aGuestWithoutAClockIsNotToldThatItWasPaused() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT)) {
      assertThat(guest.vcpu().kvmclockCtrl()).isFalse();
    }
  }

  @Test
  void overlappingSlotsAreRefused() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(HALT)) {
      assertThatThrownBy(
              () -> guest.vm().memorySlots().set(1, 0, 0x1000, 0x1000, guest.memory().address()))
          .isInstanceOf(ErrnoException.class)
          .hasMessageStartingWith("ioctl(KVM_SET_USER_MEMORY_REGION): EEXIST (17)")
          .hasMessageEndingWith("slot 1, 4096 bytes at 0x1000");
    }
  }

  private static long nanoseconds(byte[] clock) {
    return ByteBuffer.wrap(clock).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
  }
}
