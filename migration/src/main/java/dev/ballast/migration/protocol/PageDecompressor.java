package dev.ballast.migration.protocol;

import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;
import org.jspecify.annotations.Nullable;

/**
 * Decompresses pages of one stream. Its input is not trusted; its memory is allocated at its
 * construction: a buffer for the longest payload, and with Zstandard a context of about 160 KiB.
 * One thread at a time.
 */
public final class PageDecompressor implements AutoCloseable {
  private static final int MAX_BYTES = Protocol.MAX_COMPRESSED_PAGES * RamBlock.PAGE_SIZE;

  /** A library. */
  private sealed interface Library {
    record Lz4(LZ4SafeDecompressor decompressor) implements Library {}

    record Zstd(ZstdDecompressCtx context) implements Library {}
  }

  private final Library library;
  private final Arena arena = Arena.ofShared();
  private final ByteBuffer input =
      arena.allocate(MAX_BYTES).asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);

  private PageDecompressor(Library library) {
    this.library = library;
  }

  /**
   * Creates a decompressor.
   *
   * @param compression how pages were compressed
   * @return null for {@link PageCompression#NONE}
   * @throws IOException if this host has no such library; the message is for the user
   */
  public static @Nullable PageDecompressor open(PageCompression compression) throws IOException {
    return switch (compression) {
      case NONE -> null;
      case LZ4 ->
          new PageDecompressor(
              new Library.Lz4(
                  compression.load(() -> LZ4Factory.nativeInstance().safeDecompressor())));
      case ZSTD -> new PageDecompressor(new Library.Zstd(compression.load(ZstdDecompressCtx::new)));
    };
  }

  /**
   * Returns the buffer to put the compressed pages into, up to its limit.
   *
   * @param length in bytes, less than that of {@link Protocol#MAX_COMPRESSED_PAGES}
   */
  public ByteBuffer input(int length) {
    return input.clear().limit(length);
  }

  /**
   * Decompresses what is in the buffer of {@link #input}.
   *
   * @param into a direct buffer; exactly the remaining bytes are written. If this fails, their
   *     content is unspecified
   * @throws ProtocolException if the pages cannot be read, or are not as many as remain
   */
  public void decompress(ByteBuffer into) throws ProtocolException {
    int length = input.limit();
    int room = into.remaining();
    int written;
    try {
      written =
          switch (library) {
            case Library.Lz4(LZ4SafeDecompressor lz4) ->
                lz4.decompress(input, 0, length, into, into.position(), room);
            case Library.Zstd(ZstdDecompressCtx zstd) -> {
              ZstdFrame.check(input, length, room);
              yield zstd.decompressDirectByteBuffer(into, into.position(), room, input, 0, length);
            }
          };
    } catch (LZ4Exception | ZstdException e) {
      throw new ProtocolException("RAM_PAGES: cannot be decompressed: " + e.getMessage());
    }
    if (written != room) {
      throw new ProtocolException(
          "RAM_PAGES: " + written + " bytes when decompressed, expected " + room);
    }
  }

  /** Frees its memory. */
  @Override
  public void close() {
    if (library instanceof Library.Zstd(ZstdDecompressCtx context)) {
      context.close();
    }
    arena.close();
  }
}
