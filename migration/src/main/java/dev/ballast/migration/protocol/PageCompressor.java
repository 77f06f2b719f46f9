package dev.ballast.migration.protocol;

import com.github.luben.zstd.ZstdCompressCtx;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import net.jpountz.lz4.LZ4Compressor;
import net.jpountz.lz4.LZ4Factory;
import org.jspecify.annotations.Nullable;

/**
 * Compresses pages of one stream. Allocates nothing after its construction. One thread at a time.
 *
 * <p>The pages are copied first, into a buffer that stays in the processor's cache: a running guest
 * writes to its memory meanwhile, and neither library promises anything about input that changes
 * under it. So what is sent is exactly what was copied, and its checksum is right.
 */
final class PageCompressor implements AutoCloseable {
  private static final int MAX_BYTES = Protocol.MAX_COMPRESSED_PAGES * RamBlock.PAGE_SIZE;

  /** More than either library may write for {@link #MAX_BYTES} that it cannot compress. */
  private static final int BOUND = MAX_BYTES + MAX_BYTES / 64;

  /** Saving less than one byte in this many is not worth the decompression. */
  private static final int LEAST_SAVING = 16;

  /** A library. */
  private sealed interface Library {
    record Lz4(LZ4Compressor compressor) implements Library {}

    record Zstd(ZstdCompressCtx context) implements Library {}
  }

  private final Library library;
  private final Arena arena = Arena.ofShared();
  private final ByteBuffer pages = arena.allocate(MAX_BYTES).asByteBuffer();
  private final ByteBuffer compressed = arena.allocate(BOUND).asByteBuffer();

  private PageCompressor(Library library) {
    this.library = library;
  }

  /**
   * Creates a compressor.
   *
   * @param compression how
   * @param zstdLevel for {@link PageCompression#ZSTD}, {@link PageCompression#MIN_ZSTD_LEVEL} to
   *     {@link PageCompression#MAX_ZSTD_LEVEL}
   * @return null for {@link PageCompression#NONE}
   * @throws IOException if this host has no such library; the message is for the user
   */
  static @Nullable PageCompressor open(PageCompression compression, int zstdLevel)
      throws IOException {
    return switch (compression) {
      case NONE -> null;
      // Pure Java would make a hash table for each run.
      case LZ4 ->
          new PageCompressor(
              new Library.Lz4(
                  compression.load(() -> LZ4Factory.nativeInstance().fastCompressor())));
      case ZSTD ->
          new PageCompressor(
              new Library.Zstd(compression.load(() -> new ZstdCompressCtx().setLevel(zstdLevel))));
    };
  }

  /**
   * Compresses pages.
   *
   * @param content the remaining bytes are whole pages, at most {@link
   *     Protocol#MAX_COMPRESSED_PAGES}
   * @return the payload to send, valid until the next call; null if the pages are better sent
   *     uncompressed
   */
  @Nullable ByteBuffer compress(ByteBuffer content) {
    pages.clear().put(content).flip();
    compressed.clear();
    int before = pages.limit();
    int after =
        switch (library) {
          case Library.Lz4(LZ4Compressor lz4) ->
              lz4.compress(pages, 0, before, compressed, 0, BOUND);
          case Library.Zstd(ZstdCompressCtx zstd) ->
              zstd.compressDirectByteBuffer(compressed, 0, BOUND, pages, 0, before);
        };
    return after <= before - before / LEAST_SAVING ? compressed.limit(after) : null;
  }

  /** Returns the copy of the pages of the last {@link #compress}. */
  ByteBuffer pages() {
    return pages.rewind();
  }

  /** Frees its memory. */
  @Override
  public void close() {
    if (library instanceof Library.Zstd(ZstdCompressCtx context)) {
      context.close();
    }
    arena.close();
  }
}
