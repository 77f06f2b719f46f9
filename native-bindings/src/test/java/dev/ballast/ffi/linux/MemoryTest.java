package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Mappings, memory files, and giving memory back. */
class MemoryTest {
  private static final long PAGE = Pagemap.PAGE_SIZE;

  @Test
  void discardedAnonymousMemoryReadsAsZero() throws Exception {
    try (Mapping mapping = Mapping.anonymous(16 * PAGE, true)) {
      mapping.segment().fill((byte) 7);
      Madvise.dontNeed(mapping.segment(), 2 * PAGE, 3 * PAGE);
      assertThat(mapping.segment().get(JAVA_BYTE, 2 * PAGE - 1)).isEqualTo((byte) 7);
      assertThat(mapping.segment().get(JAVA_BYTE, 2 * PAGE)).isZero();
      assertThat(mapping.segment().get(JAVA_BYTE, 5 * PAGE - 1)).isZero();
      assertThat(mapping.segment().get(JAVA_BYTE, 5 * PAGE)).isEqualTo((byte) 7);
    }
  }

  /** What the kernel offers unasked is aligned since Linux 6.7 only, and to 2 MiB only. */
  @ParameterizedTest
  @ValueSource(longs = {2, 512, 514, 778, 1022, 1024, 2050, 4100})
  void largeMappingsStartAtHugePages(long mib) throws Exception {
    long size = mib << 20;
    long alignment = mib < 1024 ? 2 << 20 : 1 << 30;
    try (FileDescriptor file = Memfd.create("ballast-test", size, 0);
        Mapping anonymous = Mapping.anonymous(size, false);
        Mapping shared = Mapping.shared(file, 0, size)) {
      for (Mapping mapping : List.of(anonymous, shared)) {
        assertThat(mapping.address() % alignment).isZero();
        mapping.segment().set(JAVA_BYTE, 0, (byte) 1);
        mapping.segment().set(JAVA_BYTE, size - 1, (byte) 2);
      }
    }
  }

  @Test
  void anAlignedMappingTakesNoAddressesBesidesItsOwn() throws Exception {
    long size = 1L << 40;
    long before = addressSpacePages();
    try (Mapping mapping = Mapping.anonymous(size, false)) {
      long after = addressSpacePages();
      assertThat((after - before) * PAGE).isBetween(size - (64 << 20), size + (64 << 20));
      assertThat(mapping.size()).isEqualTo(size);
    }
  }

  private static long addressSpacePages() throws IOException {
    return Long.parseLong(Files.readString(Path.of("/proc/self/statm")).split(" ", 2)[0]);
  }

  @Test
  void twoMappingsOfAMemoryFileAreTheSameMemory() throws Exception {
    try (FileDescriptor file = Memfd.create("ballast-test", 64 * PAGE, 0);
        Mapping one = Mapping.shared(file, 0, 64 * PAGE);
        Mapping other = Mapping.shared(file, 32 * PAGE, 32 * PAGE)) {
      one.segment().set(JAVA_LONG, 40 * PAGE, 0x1122334455667788L);
      assertThat(other.segment().get(JAVA_LONG, 8 * PAGE)).isEqualTo(0x1122334455667788L);

      Fallocate.punchHole(file, 40 * PAGE, PAGE);
      assertThat(other.segment().get(JAVA_LONG, 8 * PAGE)).isZero();
    }
  }

  @Test
  void populatedPagesOfAMemoryFileAreFoundWhoeverWroteThem() throws Exception {
    try (FileDescriptor file = Memfd.create("ballast-test", 64 * PAGE, 0);
        Mapping mapping = Mapping.shared(file, 0, 64 * PAGE)) {
      for (int page : new int[] {0, 10, 11, 12, 63}) {
        mapping.segment().set(JAVA_BYTE, page * PAGE, (byte) 1);
      }
      // The page tables forget, the file does not.
      Madvise.dontNeed(mapping.segment(), 0, mapping.size());
      assertThat(populated(file, 0, 64)).containsExactly("0+1", "10+3", "63+1");
      assertThat(populated(file, 11 * PAGE, 2)).containsExactly("0+2");
      assertThat(populated(file, 20 * PAGE, 40)).isEmpty();

      Fallocate.punchHole(file, 11 * PAGE, PAGE);
      assertThat(populated(file, 0, 64)).containsExactly("0+1", "10+1", "12+1", "63+1");
    }
  }

  @Test
  void adviceOutsideTheSegmentIsRefused() throws Exception {
    try (Mapping mapping = Mapping.anonymous(4 * PAGE, true)) {
      assertThatThrownBy(() -> Madvise.dontNeed(mapping.segment(), PAGE, 4 * PAGE))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> Madvise.dontNeed(mapping.segment(), -PAGE, PAGE))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> Madvise.dontNeed(mapping.segment(), 1, PAGE))
          .isInstanceOf(ErrnoException.class)
          .hasMessageStartingWith("madvise(MADV_DONTNEED): EINVAL (22) Invalid argument: ");
    }
  }

  @Test
  void closedMappingCannotBeUsed() throws Exception {
    Mapping mapping = Mapping.anonymous(PAGE, true);
    mapping.close();
    mapping.close();
    assertThatThrownBy(() -> mapping.segment().get(JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> Madvise.dontNeed(mapping.segment(), 0, PAGE))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void tooMuchMemoryIsAnErrnoException() {
    assertThatThrownBy(() -> Mapping.anonymous(1L << 60, false))
        .isInstanceOf(ErrnoException.class)
        .hasMessageStartingWith("mmap: ENOMEM (12) Cannot allocate memory: 1152921504606846976");
  }

  private static List<String> populated(FileDescriptor file, long offset, long pages)
      throws ErrnoException {
    List<String> runs = new ArrayList<>();
    Memfd.populated(file, offset, pages, (first, count) -> runs.add(first + "+" + count));
    return runs;
  }
}
