package dev.ballast.migration.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.testing.LossyRam;
import dev.ballast.vmm.memory.DirtyLog;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.GuestRamBlock;
import dev.ballast.vmm.memory.PageBitmap;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is said of lost pages. */
class PoisonedPagesReportTest {
  private static final long GIB = 1L << 30;
  private static final long HIGH_PAGES = 3 * GIB / 4096;

  private final LossyRam ram;
  private final GuestMemory memory;
  private final PoisonedPages poisoned;

  PoisonedPagesReportTest() throws IOException {
    ram = new LossyRam(4 * GIB);
    memory = new GuestMemory(ram);
    poisoned = new PoisonedPages(new GuestRamBlock(memory, new NoLog()));
  }

  private static final class NoLog implements DirtyLog {
    @Override
    public void start() {}

    @Override
    public void stop() {}

    @Override
    public void fetch(PageBitmap into) {}

    @Override
    public void protect(PageBitmap pages, long fromWord, long toWord) {}
  }

  @AfterEach
  void close() {
    memory.close();
  }

  @Test
  void eachIsCountedOnce() throws Exception {
    ram.loseFrom(HIGH_PAGES + 100);
    assertThat(poisoned.find(0, HIGH_PAGES)).isZero();
    assertThat(poisoned.word((HIGH_PAGES + 128) / 64)).as("not looked at yet").isZero();
    assertThat(poisoned.find(HIGH_PAGES, 128)).isEqualTo(28);
    assertThat(poisoned.word(HIGH_PAGES / 64)).isZero();
    assertThat(poisoned.word(HIGH_PAGES / 64 + 1)).isEqualTo(-1L << 36);
    assertThat(poisoned.find(HIGH_PAGES, 192)).isEqualTo(64);
    assertThat(poisoned.find(HIGH_PAGES, 192)).isZero();
  }

  /** Through the balloon, for instance: what the guest writes then must not be left out. */
  @Test
  void aPageThatWasReplacedIsPoisonedNoMore() throws Exception {
    ram.loseFrom(HIGH_PAGES);
    assertThat(poisoned.find(HIGH_PAGES, 64)).isEqualTo(64);
    assertThat(poisoned.word(HIGH_PAGES / 64)).isEqualTo(-1);
    ram.loseFrom(HIGH_PAGES + 64);
    assertThat(poisoned.find(HIGH_PAGES, 64)).isZero();
    assertThat(poisoned.word(HIGH_PAGES / 64)).isZero();
    ram.loseFrom(HIGH_PAGES);
    assertThat(poisoned.find(HIGH_PAGES, 64)).as("counted before").isZero();
    assertThat(poisoned.word(HIGH_PAGES / 64)).isEqualTo(-1);
  }

  @Test
  void aFailureToReadOneNamesItsGuestPhysicalAddress() throws Exception {
    IOException broken = new IOException("the connection broke: Bad address");
    assertThat(poisoned.explain(HIGH_PAGES, 64, broken)).isSameAs(broken);
    InternalError fault = new InternalError("a fault occurred in an unsafe memory access");
    assertThatThrownBy(() -> poisoned.explain(HIGH_PAGES, 64, fault)).isSameAs(fault);

    ram.loseFrom(HIGH_PAGES + 5);
    assertThat(poisoned.explain(HIGH_PAGES, 64, fault))
        .hasMessageContaining("guest physical address 0x100005000")
        .hasCause(fault);
  }
}
