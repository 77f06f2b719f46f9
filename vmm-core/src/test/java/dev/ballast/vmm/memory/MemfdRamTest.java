package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** RAM in a memory file: what is in it is asked of the file, not of the page tables. */
class MemfdRamTest {
  private static final long PAGE = RamBlock.PAGE_SIZE;
  private static final long TIB = 1L << 40;

  private static List<String> populated(MemfdRam ram, long first, long pages) throws IOException {
    PageBitmap found = PageBitmap.allocate(ram.segment().byteSize() / PAGE);
    ram.addPopulated(first, pages, found);
    List<String> runs = new ArrayList<>();
    found.forEachRun((start, count) -> runs.add(start + "+" + count));
    return runs;
  }

  private static void touch(MemfdRam ram, long page) {
    ram.segment().set(ValueLayout.JAVA_BYTE, page * PAGE, (byte) 1);
  }

  @Test
  void whatIsDiscardedIsAHoleAndReadsAsZero() throws IOException {
    try (MemfdRam ram = new MemfdRam(64 * PAGE, HostPages.SMALL, false)) {
      assertThat(ram.hostPageSize()).isEqualTo(PAGE);
      assertThat(populated(ram, 0, 64)).isEmpty();
      for (long page = 10; page < 20; page++) {
        touch(ram, page);
      }
      assertThat(populated(ram, 0, 64)).containsExactly("10+10");
      assertThat(populated(ram, 12, 4)).containsExactly("12+4");

      ram.discard(12 * PAGE, 3 * PAGE);

      assertThat(populated(ram, 0, 64)).containsExactly("10+2", "15+5");
      assertThat(ram.segment().get(ValueLayout.JAVA_BYTE, 11 * PAGE)).isEqualTo((byte) 1);
      assertThat(ram.segment().get(ValueLayout.JAVA_BYTE, 12 * PAGE)).isZero();
    }
  }

  @Test
  void whatIsPopulatedInBulkIsThereAndZero() throws IOException {
    try (MemfdRam ram = new MemfdRam(64 * PAGE, HostPages.SMALL, false)) {
      touch(ram, 3);
      ram.populate(2 * PAGE, 5 * PAGE);
      assertThat(populated(ram, 0, 64)).containsExactly("2+5");
      assertThat(ram.segment().get(ValueLayout.JAVA_BYTE, 3 * PAGE)).isEqualTo((byte) 1);
      assertThat(ram.segment().get(ValueLayout.JAVA_BYTE, 4 * PAGE)).isZero();
    }
  }

  /** Looked at page by page, a TiB of holes would take minutes. */
  @Test
  @Timeout(60)
  void holesOfATebibyteArePassedOverAndStayHoles() throws IOException {
    long pages = TIB / PAGE;
    try (MemfdRam ram = new MemfdRam(TIB, HostPages.SMALL, false)) {
      touch(ram, 5);
      touch(ram, pages / 2);
      touch(ram, pages - 1);
      List<String> expected = List.of("5+1", pages / 2 + "+1", pages - 1 + "+1");
      for (int i = 0; i < 20; i++) {
        assertThat(populated(ram, 0, pages)).isEqualTo(expected);
        assertThat(populated(ram, 6, pages / 2 - 6)).isEmpty();
      }
    }
  }
}
