package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** RAM that goes on above the hole; only what is touched exists. */
class GuestMemoryTest {
  private static final long MIB = 1L << 20;
  private static final long GIB = 1L << 30;
  private static final long SIZE = 5 * GIB;
  private static final long HIGH_END = 6 * GIB;

  private final GuestMemory memory;

  GuestMemoryTest() throws IOException {
    memory = new GuestMemory(new AnonymousRam(SIZE, false));
  }

  @AfterEach
  void close() {
    memory.close();
  }

  private List<Long> dirtyPages() {
    List<Long> pages = new ArrayList<>();
    memory
        .vmmDirty()
        .forEachRun(
            (first, count) -> {
              for (long page = first; page < first + count; page++) {
                pages.add(page);
              }
            });
    return pages;
  }

  @Test
  void hasAHoleBelow4Gib() {
    assertThat(memory.regions())
        .containsExactly(
            new MemoryRegion(0, 3 * GIB, 0), new MemoryRegion(4 * GIB, 2 * GIB, 3 * GIB));
    assertThat(memory.find(3 * GIB - 1, 1)).isEqualTo(3 * GIB - 1);
    assertThat(memory.find(4 * GIB, 1)).isEqualTo(3 * GIB);
  }

  @Test
  void smallMemoryIsOneRegion() throws IOException {
    try (GuestMemory small = new GuestMemory(new AnonymousRam(64 * MIB, false))) {
      assertThat(small.regions()).containsExactly(new MemoryRegion(0, 64 * MIB, 0));
    }
  }

  /** Else KVM maps all of a memslot by 4 KiB. */
  @ParameterizedTest
  @ValueSource(longs = {512, 514, 778, 1022, 1024, 2050, 3070, 4100, 5122})
  void guestAndHostAddressesHaveTheSamePlaceInAHugePage(long mib) throws IOException {
    long page = mib < 1024 ? 2 * MIB : GIB;
    for (RamConfig.Kind kind : RamConfig.Kind.values()) {
      RamConfig config = new RamConfig(mib * MIB, kind, HostPages.TRANSPARENT_HUGE, false);
      try (GuestMemory ram = new GuestMemory(config.open())) {
        for (MemoryRegion region : ram.regions()) {
          long host = ram.ram().address() + region.ramOffset();
          assertThat((region.guestAddress() ^ host) & (page - 1)).as("%s", region).isZero();
        }
      }
    }
  }

  @Test
  void everyByteHasAGuestAddress() {
    for (long offset : new long[] {0, 5, 3 * GIB - 1, 3 * GIB, SIZE - 1}) {
      assertThat(memory.find(memory.guestAddress(offset), 1)).isEqualTo(offset);
    }
    assertThat(memory.guestAddress(3 * GIB)).isEqualTo(4 * GIB);
  }

  @ParameterizedTest
  @ValueSource(longs = {4096, 3 * MIB})
  void oddSizesAreRefused(long size) throws IOException {
    try (AnonymousRam ram = new AnonymousRam(size, false)) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> new GuestMemory(ram))
          .withMessageContaining("multiple of 2 MiB");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0xC0000000, 1",
    "0xBFFFFFFF, 2",
    "0xFFFFFFFF, 1",
    "0xFFFFFFFF, 2",
    "0x17FFFFFFF, 2",
    "0x180000000, 1",
    "0x7FFFFFFFFFFFFFFF, 1",
    "-1, 1",
    "-1, 2",
    "-0x8000000000000000, 8",
    "0, -1",
    "0x1000, 0x7FFFFFFFFFFFFFFF",
    "0, 0x100000000"
  })
  void whatIsNotRamIsRefused(String address, String length) {
    assertThat(memory.find(Long.decode(address), Long.decode(length))).isNegative();
    assertThatExceptionOfType(GuestAddressException.class)
        .isThrownBy(() -> memory.ramOffset(Long.decode(address), Long.decode(length)))
        .withMessageContaining("not in guest RAM");
  }

  @Test
  void emptyRangesAreFound() {
    assertThat(memory.find(0, 0)).isZero();
    assertThat(memory.find(3 * GIB, 0)).as("the end of a region").isEqualTo(3 * GIB);
  }

  @Test
  void valuesAreLittleEndianAndMarkTheirPages() throws GuestAddressException {
    memory.writeU64(0x1000, 0x8877_6655_4433_2211L);
    assertThat(memory.readU8(0x1000)).isEqualTo(0x11);
    assertThat(memory.readU8(0x1007)).isEqualTo(0x88);
    assertThat(memory.readU16(0x1001)).isEqualTo(0x3322);
    assertThat(memory.readU16Acquire(0x1006)).isEqualTo(0x8877);
    assertThat(memory.readU32(0x1004)).isEqualTo(0x8877_6655);
    assertThat(memory.readU64(0x1000)).isEqualTo(0x8877_6655_4433_2211L);
    assertThat(dirtyPages()).as("reading marks nothing").containsExactly(1L);

    memory.writeU8(0x2000, 0x1ff);
    memory.writeU16(0x2fff, 0xabcd);
    memory.writeU16Release(0x4000, 0xffff);
    memory.writeU32(0x5ffd, -1);
    assertThat(memory.readU8(0x2000)).isEqualTo(0xff);
    assertThat(memory.readU16(0x2fff)).isEqualTo(0xabcd);
    assertThat(memory.readU16Acquire(0x4000)).isEqualTo(0xffff);
    assertThat(dirtyPages()).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
  }

  @Test
  void pagesAboveTheHoleAreCountedInRam() throws GuestAddressException {
    memory.writeU8(4 * GIB, 1);
    memory.writeU8(HIGH_END - 1, 1);
    assertThat(dirtyPages()).containsExactly(3 * GIB / 4096, SIZE / 4096 - 1);
  }

  @Test
  void bytesGoInAndOut() throws GuestAddressException {
    byte[] text = "across a page boundary".getBytes(StandardCharsets.US_ASCII);
    memory.write(0x1ff8, MemorySegment.ofArray(text));
    byte[] back = new byte[text.length];
    memory.read(0x1ff8, MemorySegment.ofArray(back));
    assertThat(back).isEqualTo(text);
    assertThat(dirtyPages()).containsExactly(1L, 2L);

    memory.zero(0x1fff, 2);
    assertThat(memory.readU8(0x1ffe)).isEqualTo(text[6]);
    assertThat(memory.readU16(0x1fff)).isZero();
    assertThat(memory.readU8(0x2001)).isEqualTo(text[9]);
  }

  @Test
  void refusedWritesChangeNothing() {
    assertThatExceptionOfType(GuestAddressException.class)
        .isThrownBy(() -> memory.write(3 * GIB - 4, MemorySegment.ofArray(new byte[8])));
    assertThatExceptionOfType(GuestAddressException.class)
        .isThrownBy(() -> memory.writeU64(3 * GIB - 4, -1));
    assertThat(dirtyPages()).isEmpty();
  }

  @Test
  void viewsAreReadOnlyAndLive() throws GuestAddressException {
    MemorySegment view = memory.view(0x3000, 4);
    memory.writeU32(0x3000, 0x01020304);
    assertThat(view.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 4);
    assertThat(view.isReadOnly()).isTrue();
    assertThat(view.byteSize()).isEqualTo(4);
  }

  @Test
  void discardedPagesReadAsZeroAndAreDirty() throws Exception {
    memory.writeU64(0x5000, -1);
    memory.writeU64(0x6000, -1);
    memory.writeU64(0x7000, -1);
    memory.vmmDirty().clearAll();
    memory.discard(5, 2);
    assertThat(memory.readU64(0x5000)).isZero();
    assertThat(memory.readU64(0x6000)).isZero();
    assertThat(memory.readU64(0x7000)).isEqualTo(-1);
    assertThat(dirtyPages()).containsExactly(5L, 6L);
  }

  /** Host pages of 2 MiB: those in the range go, and the parts at its ends are overwritten. */
  @Test
  void ofHostPagesThatAreDiscardedInPartTheRestStays() throws IOException {
    long parts = 512;
    List<String> discards = new ArrayList<>();
    try (GuestMemory huge = new GuestMemory(new HugeRam(64 * MIB, discards))) {
      huge.ram().fill((byte) 1);
      huge.vmmDirty().clearAll();

      huge.discard(parts - 3, 2 * parts + 10);
      huge.discard(4 * parts + 1, 5);
      huge.discard(6 * parts, parts);

      assertThat(discards).containsExactly(2 * MIB + "+" + 4 * MIB, 12 * MIB + "+" + 2 * MIB);
      for (long page = 0; page < 8 * parts; page++) {
        boolean gone =
            (page >= parts - 3 && page < 3 * parts + 7)
                || (page >= 4 * parts + 1 && page < 4 * parts + 6)
                || page / parts == 6;
        assertThat(huge.ram().get(ValueLayout.JAVA_BYTE, page * 4096) == 0)
            .as("page %d", page)
            .isEqualTo(gone);
        assertThat(huge.vmmDirty().get(page)).as("page %d", page).isEqualTo(gone);
      }
    }
  }

  /** Takes note of what is discarded. */
  private record HugeRam(AnonymousRam ram, List<String> discards) implements RamBacking {
    HugeRam(long size, List<String> discards) throws IOException {
      this(new AnonymousRam(size, false), discards);
    }

    @Override
    public MemorySegment segment() {
      return ram.segment();
    }

    @Override
    public long hostPageSize() {
      return 2 * MIB;
    }

    @Override
    public void discard(long offset, long length) throws IOException {
      discards.add(offset + "+" + length);
      ram.discard(offset, length);
    }

    @Override
    public void addPopulated(long firstPage, long pages, PageBitmap into) throws IOException {
      ram.addPopulated(firstPage, pages, into);
    }

    @Override
    public void close() {
      ram.close();
    }
  }
}
