package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("kvm")
class DirtyLogKvmTest {
  private static final long PAGES = RealModeGuest.MEMORY / 4096;

  /** {@code mov byte [0x5000], 1; mov byte [0x9000], 1; hlt; mov byte [0x7000], 1; hlt}. */
  private static final byte[] CODE = {
    (byte) 0xc6,
    0x06,
    0x00,
    0x50,
    1,
    (byte) 0xc6,
    0x06,
    0x00,
    (byte) 0x90,
    1,
    (byte) 0xf4,
    (byte) 0xc6,
    0x06,
    0x00,
    0x70,
    1,
    (byte) 0xf4
  };

  @Test
  void readingTheLogClearsIt() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(CODE, KvmMemorySlots.MEM_LOG_DIRTY_PAGES, false);
        Arena arena = Arena.ofConfined()) {
      MemorySegment bitmap = arena.allocate(JAVA_LONG, PAGES / Long.SIZE);
      guest.vm().memorySlots().getDirtyLog(0, bitmap);
      assertThat(guest.vcpu().run()).isZero();
      assertThat(log(guest, bitmap)).isEqualTo(pages(5, 9));
      assertThat(log(guest, bitmap)).isEqualTo(pages());
      assertThat(guest.vcpu().run()).isZero();
      assertThat(log(guest, bitmap)).isEqualTo(pages(7));
    }
  }

  @Test
  void withManualProtectionPagesStayDirtyUntilTheyAreCleared() throws Exception {
    try (RealModeGuest guest = RealModeGuest.with(CODE, 0, false);
        Arena arena = Arena.ofConfined()) {
      KvmVm vm = guest.vm();
      assumeTrue(
          vm.checkExtension(Capability.MANUAL_DIRTY_LOG_PROTECT2) != 0,
          "this KVM has no KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2");
      vm.enableCapability(
          Capability.MANUAL_DIRTY_LOG_PROTECT2, 0, KvmMemorySlots.DIRTY_LOG_MANUAL_PROTECT_ENABLE);
      vm.memorySlots()
          .set(
              0,
              KvmMemorySlots.MEM_LOG_DIRTY_PAGES,
              0,
              RealModeGuest.MEMORY,
              guest.memory().address());
      MemorySegment bitmap = arena.allocate(JAVA_LONG, PAGES / Long.SIZE);
      assertThat(guest.vcpu().run()).isZero();
      assertThat(log(guest, bitmap)).isEqualTo(pages(5, 9));
      assertThat(log(guest, bitmap)).isEqualTo(pages(5, 9));

      bitmap.fill((byte) 0);
      bitmap.set(JAVA_LONG, 0, 1 << 9);
      vm.memorySlots().clearDirtyLog(0, 0, 64, bitmap);
      assertThat(log(guest, bitmap)).isEqualTo(pages(5));
    }
  }

  private static BitSet log(RealModeGuest guest, MemorySegment bitmap) throws Exception {
    bitmap.fill((byte) -1);
    guest.vm().memorySlots().getDirtyLog(0, bitmap);
    return BitSet.valueOf(bitmap.toArray(JAVA_LONG));
  }

  private static BitSet pages(int... pages) {
    BitSet set = new BitSet();
    for (int page : pages) {
      set.set(page);
    }
    return set;
  }
}
