package dev.ballast.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.linux.ErrnoException;
import java.util.List;
import org.junit.jupiter.api.Test;

class BootMsrsTest {
  private static final int MISC_ENABLE = 0x1a0;
  private static final int MTRR_DEF_TYPE = 0x2ff;

  @Test
  void enablesFastStringsAndMemoryTypes() throws ErrnoException {
    FakeRegisters vcpu = new FakeRegisters(new int[] {MISC_ENABLE, MTRR_DEF_TYPE});
    vcpu.msrs.put(MISC_ENABLE, 0x800L);
    BootMsrs.apply(vcpu);
    assertThat(vcpu.msrs).containsEntry(MISC_ENABLE, 0x801L).containsEntry(MTRR_DEF_TYPE, 0x806L);
  }

  @Test
  void takesWhatKvmDoesNotHave() throws ErrnoException {
    FakeRegisters neither = new FakeRegisters(new int[] {0x10});
    BootMsrs.apply(neither);
    assertThat(neither.msrs).containsOnlyKeys(0x10);
    FakeRegisters readOnly =
        new FakeRegisters(new int[] {MISC_ENABLE, MTRR_DEF_TYPE}, MTRR_DEF_TYPE);
    BootMsrs.apply(readOnly);
    assertThat(readOnly.msrs).containsEntry(MISC_ENABLE, 1L).containsEntry(MTRR_DEF_TYPE, 0L);
  }

  @Test
  void theStateHasThemAlthoughKvmDoesNotListThem() throws ErrnoException {
    FakeRegisters vcpu = new FakeRegisters(new int[] {0x10, 0x200, 0x20f, 0x250, MTRR_DEF_TYPE});
    assertThat(SavedMsrs.of(vcpu, List.of(0x10, 0x11)))
        .as("listed first, and without 0x11, which cannot be read")
        .containsExactly(0x10, 0x200, 0x20f, 0x250, MTRR_DEF_TYPE);
    assertThat(SavedMsrs.of(vcpu, List.of(MTRR_DEF_TYPE, 0x10)))
        .as("once")
        .containsExactly(MTRR_DEF_TYPE, 0x10, 0x200, 0x20f, 0x250);
  }
}
