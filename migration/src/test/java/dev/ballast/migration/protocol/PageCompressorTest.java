package dev.ballast.migration.protocol;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.ZstdCompressCtx;
import com.sun.management.ThreadMXBean;
import dev.ballast.migration.testing.Content;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.ValueSource;

/** Pages that are compressed and decompressed again, and what is not such pages. */
class PageCompressorTest {
  private static final long SEED = 27;
  private static final int PAGE = RamBlock.PAGE_SIZE;
  private static final int[] SIZES = {1, 2, 7, 63, Protocol.MAX_COMPRESSED_PAGES};
  private static final byte GUARD = 0x5a;

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void freeMemory() {
    arena.close();
  }

  private MemorySegment pages(Content content, int pages, SplittableRandom random) {
    MemorySegment memory = arena.allocate((long) pages * PAGE, PAGE);
    content.fill(memory, random);
    return memory;
  }

  private static PageCompressor compressor(PageCompression compression, int level)
      throws IOException {
    return Objects.requireNonNull(PageCompressor.open(compression, level));
  }

  private static PageDecompressor decompressor(PageCompression compression) throws IOException {
    return Objects.requireNonNull(PageDecompressor.open(compression));
  }

  private static byte[] compress(PageCompression compression, MemorySegment pages)
      throws IOException {
    try (PageCompressor compressor = compressor(compression, 1)) {
      ByteBuffer compressed = Objects.requireNonNull(compressor.compress(pages.asByteBuffer()));
      byte[] bytes = new byte[compressed.remaining()];
      compressed.get(bytes);
      return bytes;
    }
  }

  /** Decompresses into the middle of memory of which nothing else may change. */
  private MemorySegment decompress(PageDecompressor decompressor, byte[] compressed, int pages)
      throws ProtocolException {
    MemorySegment memory = arena.allocate((pages + 2L) * PAGE, PAGE);
    memory.fill(GUARD);
    decompressor.input(compressed.length).put(compressed);
    try {
      decompressor.decompress(memory.asByteBuffer().limit((pages + 1) * PAGE).position(PAGE));
    } finally {
      MemorySegment guard = arena.allocate(PAGE);
      guard.fill(GUARD);
      assertThat(memory.asSlice(0, PAGE).mismatch(guard)).as("before").isEqualTo(-1);
      assertThat(memory.asSlice((pages + 1L) * PAGE, PAGE).mismatch(guard))
          .as("behind")
          .isEqualTo(-1);
    }
    return memory.asSlice(PAGE, (long) pages * PAGE);
  }

  @Test
  void noneIsNothing() throws Exception {
    assertThat(PageCompressor.open(PageCompression.NONE, 1)).isNull();
    assertThat(PageDecompressor.open(PageCompression.NONE)).isNull();
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void pagesComeBackAsTheyWere(PageCompression compression) throws Exception {
    SplittableRandom random = new SplittableRandom(SEED);
    try (PageCompressor compressor = compressor(compression, 1);
        PageDecompressor decompressor = decompressor(compression)) {
      for (int size : SIZES) {
        for (Content content : Content.values()) {
          MemorySegment pages = pages(content, size, random);
          ByteBuffer compressed = compressor.compress(pages.asByteBuffer());
          if (content == Content.RANDOM) {
            assertThat(compressed).as("%d of %s", size, content).isNull();
            assertThat(compressor.pages()).isEqualTo(pages.asByteBuffer());
          } else {
            byte[] bytes = new byte[Objects.requireNonNull(compressed).remaining()];
            compressed.get(bytes);
            assertThat(bytes.length).as("%d of %s", size, content).isLessThan(size * PAGE / 10 * 6);
            assertThat(decompress(decompressor, bytes, size).mismatch(pages))
                .as("%d of %s", size, content)
                .isEqualTo(-1);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 9, 13, 16, 19, 20})
  void everyLevelOfZstdMakesFramesThatAreTaken(int level) throws Exception {
    SplittableRandom random = new SplittableRandom(SEED);
    try (PageCompressor compressor = compressor(PageCompression.ZSTD, level);
        PageDecompressor decompressor = decompressor(PageCompression.ZSTD)) {
      for (int size : SIZES) {
        MemorySegment pages = pages(Content.WORDS, size, random);
        ByteBuffer compressed = Objects.requireNonNull(compressor.compress(pages.asByteBuffer()));
        byte[] bytes = new byte[compressed.remaining()];
        compressed.get(bytes);
        assertThat(decompress(decompressor, bytes, size).mismatch(pages)).isEqualTo(-1);
      }
    }
  }

  /** A running guest writes to its memory while it is compressed. */
  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void whatIsCompressedIsOneMoment(PageCompression compression) throws Exception {
    SplittableRandom random = new SplittableRandom(SEED);
    MemorySegment pages = pages(Content.RANDOM, 3, random);
    MemorySegment before = arena.allocate(3L * PAGE).copyFrom(pages);
    try (PageCompressor compressor = compressor(compression, 1)) {
      assertThat(compressor.compress(pages.asByteBuffer())).isNull();
      pages.fill((byte) 0);
      assertThat(compressor.pages()).isEqualTo(before.asByteBuffer());
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void damageIsRefusedOrStaysInThePages(PageCompression compression) throws Exception {
    System.out.println("PageCompressorTest.damage seed " + SEED);
    SplittableRandom random = new SplittableRandom(SEED);
    byte[] sound = compress(compression, pages(Content.WORDS, 2, random));
    int refused = 0;
    try (PageDecompressor decompressor = decompressor(compression)) {
      for (int i = 0; i < 3000; i++) {
        byte[] damaged = sound.clone();
        for (int n = random.nextInt(4); n >= 0; n--) {
          damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
        }
        try {
          decompress(decompressor, damaged, 2);
        } catch (ProtocolException e) {
          assertThat(e.getMessage()).startsWith("RAM_PAGES: ").hasLineCount(1);
          refused++;
        }
      }
      assertThat(refused).isGreaterThan(300);
      for (int length = 1; length < sound.length; length++) {
        byte[] cut = Arrays.copyOf(sound, length);
        assertThatThrownBy(() -> decompress(decompressor, cut, 2))
            .as("%d of %d bytes", length, sound.length)
            .isInstanceOf(ProtocolException.class);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void moreOrFewerPagesThanAnnouncedAreRefused(PageCompression compression) throws Exception {
    byte[] three = compress(compression, pages(Content.WORDS, 3, new SplittableRandom(SEED)));
    try (PageDecompressor decompressor = decompressor(compression)) {
      for (int pages : new int[] {1, 2, 4, Protocol.MAX_COMPRESSED_PAGES}) {
        assertThatThrownBy(() -> decompress(decompressor, three, pages))
            .as("%d pages", pages)
            .isInstanceOf(ProtocolException.class)
            .hasMessageStartingWith("RAM_PAGES: ");
      }
    }
  }

  private static byte[] join(byte[]... pieces) {
    ByteBuffer all = ByteBuffer.allocate(4 * PAGE);
    for (byte[] piece : pieces) {
      all.put(piece);
    }
    return Arrays.copyOf(all.array(), all.position());
  }

  private void refusesFrame(byte[] frame, String reason) throws Exception {
    try (PageDecompressor decompressor = decompressor(PageCompression.ZSTD)) {
      assertThatThrownBy(() -> decompress(decompressor, frame, 2))
          .isInstanceOf(ProtocolException.class)
          .hasMessage("RAM_PAGES: " + reason);
    }
  }

  /** The library takes all of these, but for the dictionary, which it looks for. */
  @Test
  void nothingButOnePlainZstandardFrameReachesTheLibrary() throws Exception {
    MemorySegment pages = pages(Content.WORDS, 2, new SplittableRandom(SEED));
    byte[] sound = compress(PageCompression.ZSTD, pages);
    byte[] empty = {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0x20, 0, 1, 0, 0};
    byte[] skippable = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
    refusesFrame(join(sound, empty), "9 bytes are left over after the Zstandard frame");
    refusesFrame(join(sound, skippable), "8 bytes are left over after the Zstandard frame");
    refusesFrame(join(skippable, sound), "not a Zstandard frame without a dictionary");
    refusesFrame(join(empty, sound), "the Zstandard frame says 0 bytes of content, expected 8192");
    for (int version = 1; version <= 7; version++) {
      byte[] legacy = sound.clone();
      legacy[0] = (byte) (0x20 + version);
      refusesFrame(legacy, "not a Zstandard frame without a dictionary");
    }
    byte[] dictionary = sound.clone();
    dictionary[4] |= 1;
    refusesFrame(dictionary, "not a Zstandard frame without a dictionary");
    try (ZstdCompressCtx context = new ZstdCompressCtx()) {
      byte[] plain = pages.toArray(JAVA_BYTE);
      byte[] sizeless = context.setContentSize(false).compress(plain);
      refusesFrame(sizeless, "the Zstandard frame says 0 bytes of content, expected 8192");
      byte[] checked = context.setContentSize(true).setChecksum(true).compress(plain);
      try (PageDecompressor decompressor = decompressor(PageCompression.ZSTD)) {
        assertThat(decompress(decompressor, checked, 2).mismatch(pages)).isEqualTo(-1);
        checked[checked.length - 1]++;
        assertThatThrownBy(() -> decompress(decompressor, checked, 2))
            .hasMessageStartingWith("RAM_PAGES: cannot be decompressed: ");
      }
    }
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = "NONE")
  void nothingIsAllocatedForARun(PageCompression compression) throws Exception {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    SplittableRandom random = new SplittableRandom(SEED);
    ByteBuffer words = pages(Content.WORDS, 8, random).asByteBuffer();
    ByteBuffer noise = pages(Content.RANDOM, 8, random).asByteBuffer();
    ByteBuffer into = arena.allocate(8L * PAGE, PAGE).asByteBuffer();
    try (PageCompressor compressor = compressor(compression, 1);
        PageDecompressor decompressor = decompressor(compression)) {
      long allocated = Long.MAX_VALUE;
      int rounds = 200;
      // What the first rounds load and compile is not of interest.
      for (int n = 0; n < 3; n++) {
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < rounds; i++) {
          ByteBuffer compressed = Objects.requireNonNull(compressor.compress(words.rewind()));
          decompressor.input(compressed.remaining()).put(compressed);
          decompressor.decompress(into.rewind());
          compressor.compress(noise.rewind());
        }
        allocated = threads.getCurrentThreadAllocatedBytes() - before;
      }
      assertThat(allocated).as("bytes in %d rounds", rounds).isLessThan(rounds);
    }
  }
}
