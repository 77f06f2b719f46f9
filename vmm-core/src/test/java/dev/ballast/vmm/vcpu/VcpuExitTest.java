package dev.ballast.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.linux.Errno;
import java.util.List;
import org.junit.jupiter.api.Test;

class VcpuExitTest {
  private static final RegisterDump DUMP = new RegisterDump("rip 0", false);

  @Test
  void anInternalErrorShowsKvmsWords() {
    assertThat(new VcpuExit.KvmInternalError(7, 3, List.of(0x80000b0eL, -1L), DUMP).summary())
        .isEqualTo("vCPU 7: KVM internal error 3, data 80000b0e ffffffffffffffff");
    assertThat(new VcpuExit.KvmInternalError(7, 1, List.of(), DUMP).summary())
        .isEqualTo("vCPU 7: KVM internal error 1 (instruction could not be emulated)");
  }

  @Test
  void aFailedEntryNamesTheHostsCpu() {
    assertThat(new VcpuExit.FailEntry(7, 0x80000021L, 193, DUMP).summary())
        .isEqualTo("vCPU 7: entry failed on host CPU 193, hardware reason 0x80000021");
  }

  @Test
  void memoryThatTheHostLacksIsNamedByItsAddress() {
    VcpuExit exit = new VcpuExit.MemoryFault(7, Errno.EHWPOISON, 0x1_2345_6000L, 4096, DUMP);
    assertThat(exit.summary()).contains("vCPU 7", "0x123456000", "4096 bytes");
    assertThat(exit.hint()).hasValueSatisfying(hint -> assertThat(hint).contains("faulty"));
    assertThat(new VcpuExit.MemoryFault(7, Errno.EFAULT, 0, 4096, DUMP).hint())
        .hasValueSatisfying(hint -> assertThat(hint).contains("huge pages"));
  }
}
