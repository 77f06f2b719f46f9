package dev.ballast.migration.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.PageDecompressor;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Objects;

/** Compressed pages: refused with a reason, or as many as announced, and nothing beside them. */
class CompressedPagesFuzzTest {
  private static final int PAGE = RamBlock.PAGE_SIZE;
  private static final byte GUARD = 0x5a;

  /** Of the first byte, bit 0 is the library, and the six bits above it are the pages less 1. */
  @FuzzTest(maxDuration = "2m")
  void pages(byte[] data) throws IOException {
    int pages = data.length == 0 ? 0 : 1 + ((data[0] >>> 1) & (Protocol.MAX_COMPRESSED_PAGES - 1));
    if (data.length < 2 || data.length > pages * PAGE) {
      return;
    }
    PageCompression compression = (data[0] & 1) == 0 ? PageCompression.LZ4 : PageCompression.ZSTD;
    byte[] payload = Arrays.copyOfRange(data, 1, data.length);
    try (Arena arena = Arena.ofConfined();
        PageDecompressor decompressor =
            Objects.requireNonNull(PageDecompressor.open(compression))) {
      MemorySegment memory = arena.allocate((pages + 2L) * PAGE, PAGE);
      memory.fill(GUARD);
      ByteBuffer into = memory.asByteBuffer().limit((pages + 1) * PAGE).position(PAGE);
      decompressor.input(payload.length).put(payload);
      try {
        decompressor.decompress(into);
      } catch (ProtocolException e) {
        assertThat(e.getMessage()).startsWith("RAM_PAGES: ").hasLineCount(1);
      }
      MemorySegment guard = arena.allocate(PAGE);
      guard.fill(GUARD);
      assertThat(guard.mismatch(memory.asSlice(0, PAGE))).as("before").isEqualTo(-1);
      long behind = (pages + 1L) * PAGE;
      assertThat(guard.mismatch(memory.asSlice(behind, PAGE))).as("behind").isEqualTo(-1);
    }
  }
}
