package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.generated.kvm.KvmH;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

/** What KVM says of exits that end a machine, which no test here can have the hardware make. */
class KvmRunTest {
  /** Where the union of all exits starts: {@code struct kvm_run}. */
  private static final long UNION = 32;

  private final MemorySegment page = Arena.ofAuto().allocate(4096, Long.BYTES);
  private final KvmRun run = new KvmRun(page);

  @Test
  void readsTheWordsOfAnInternalError() {
    page.set(JAVA_INT, UNION, 3);
    page.set(JAVA_INT, UNION + 4, 2);
    page.set(JAVA_LONG, UNION + 8, 0x123);
    page.set(JAVA_LONG, UNION + 16, -1);
    assertThat(run.internalSuberror()).isEqualTo(3);
    assertThat(run.internalDataCount()).isEqualTo(2);
    assertThat(run.internalData(0)).isEqualTo(0x123);
    assertThat(run.internalData(1)).isEqualTo(-1);
    page.set(JAVA_INT, UNION + 4, -1);
    assertThat(run.internalDataCount()).as("never outside of the union").isZero();
    page.set(JAVA_INT, UNION + 4, 1000);
    assertThat(run.internalDataCount()).isEqualTo(16);
  }

  @Test
  void readsTheCpuThatRefusedTheGuest() {
    page.set(JAVA_LONG, UNION, 0x80000021L);
    page.set(JAVA_INT, KvmH.OFFSET_kvm_run_fail_entry_cpu(), 193);
    assertThat(run.failEntryReason()).isEqualTo(0x80000021L);
    assertThat(run.failEntryCpu()).isEqualTo(193);
  }

  /** {@code struct { __u64 flags; __u64 gpa; __u64 size; } memory_fault}, since Linux 6.8. */
  @Test
  void readsWhereMemoryWasMissing() {
    page.set(JAVA_LONG, UNION, 8);
    page.set(JAVA_LONG, UNION + 8, 0x1_2345_6000L);
    page.set(JAVA_LONG, UNION + 16, 4096);
    assertThat(run.memoryFaultAddress()).isEqualTo(0x1_2345_6000L);
    assertThat(run.memoryFaultSize()).isEqualTo(4096);
  }
}
