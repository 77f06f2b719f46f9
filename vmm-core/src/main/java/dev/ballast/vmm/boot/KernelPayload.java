package dev.ballast.vmm.boot;

import static dev.ballast.vmm.memory.LittleEndian.U32;

import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import org.tukaani.xz.LZMAInputStream;
import org.tukaani.xz.SingleXZInputStream;

/**
 * The payload of a {@link BzImage}: a compressed vmlinux, followed by its size before compression
 * in 4 bytes, little-endian (Linux {@code scripts/Makefile.lib}, {@code size_append}; gzip's own
 * trailer is the same). Decompressing it here spares the guest its slow decompressor.
 *
 * <p>Allocation is bounded by the output that is actually produced, not by the size that the file
 * claims.
 */
final class KernelPayload {

  private static final int SIZE_BYTES = 4;
  private static final int LONGEST_MAGIC = 6;
  private static final int COPY_BUFFER = 1 << 16;

  /**
   * Kernels shrink to a third or a fifth; space for this many times the payload is allocated at
   * first.
   */
  private static final long USUAL_RATIO = 8;

  private KernelPayload() {}

  /** The ways in which Linux compresses a kernel, identified by the first bytes of the payload. */
  enum Compression {
    GZIP("1f8b"),
    XZ("fd377a585a00"),
    ZSTD("28b52ffd"),
    LZ4("02214c18"),
    LZMA("5d0000"),
    BZIP2("425a68"),
    LZO("894c5a4f");

    private final String magic;

    Compression(String magic) {
      this.magic = magic;
    }

    /** Returns how a payload is compressed, or null if that is not known. */
    static @Nullable Compression of(MemorySegment payload) {
      if (payload.byteSize() < LONGEST_MAGIC + SIZE_BYTES) {
        return null;
      }
      byte[] start = payload.asSlice(0, LONGEST_MAGIC).toArray(ValueLayout.JAVA_BYTE);
      String digits = HexFormat.of().formatHex(start);
      for (Compression compression : values()) {
        if (digits.startsWith(compression.magic)) {
          return compression;
        }
      }
      return null;
    }

    /** Returns whether {@link #decompress} supports it. */
    boolean isSupported() {
      return this != BZIP2 && this != LZO;
    }
  }

  /**
   * Decompresses a payload.
   *
   * @param image the kernel
   * @param arena what the result is allocated in
   * @return the vmlinux, possibly followed by its relocations
   * @throws KernelFormatException if the payload is damaged, or compressed in a way that is not
   *     supported
   */
  static MemorySegment decompress(BzImage image, Arena arena) throws KernelFormatException {
    MemorySegment payload = image.payload();
    Compression compression = Compression.of(payload);
    if (compression == null || !compression.isSupported()) {
      throw new KernelFormatException(
          image.name()
              + ": the payload "
              + (compression == null ? "is not compressed in a known way" : "is " + compression)
              + "; supported are GZIP, XZ, ZSTD, LZ4 and LZMA");
    }
    long end = payload.byteSize() - SIZE_BYTES;
    long size = Integer.toUnsignedLong(payload.get(U32, end));
    MemorySegment compressed = compression == Compression.GZIP ? payload : payload.asSlice(0, end);
    try (InputStream in = open(compression, new SegmentInputStream(compressed))) {
      return readAll(in, size, payload.byteSize(), arena);
    } catch (IOException e) {
      throw new KernelFormatException(
          "%s: the payload (%s, 0x%x bytes, to be 0x%x) is damaged: %s"
              .formatted(image.name(), compression, payload.byteSize(), size, e.getMessage()));
    }
  }

  private static InputStream open(Compression compression, InputStream in) throws IOException {
    // Dictionaries are Java arrays: none that would take more than half of the heap.
    int memoryLimitKib =
        (int) Math.min(Integer.MAX_VALUE, Runtime.getRuntime().maxMemory() / 2 / 1024);
    return switch (compression) {
      case GZIP -> new GZIPInputStream(in, COPY_BUFFER);
      case XZ -> new SingleXZInputStream(in, memoryLimitKib);
      case ZSTD -> new ZstdInputStreamNoFinalizer(in);
      case LZ4 -> new Lz4LegacyInputStream(in);
      case LZMA -> new LZMAInputStream(in, memoryLimitKib);
      case BZIP2, LZO -> throw new IllegalArgumentException(compression + " is not supported");
    };
  }

  private static MemorySegment readAll(InputStream in, long size, long compressedSize, Arena arena)
      throws IOException {
    MemorySegment result = arena.allocate(Math.min(size, compressedSize * USUAL_RATIO), 8);
    byte[] buffer = new byte[COPY_BUFFER];
    long at = 0;
    int count;
    while ((count = in.read(buffer)) > 0) {
      if (count > size - at) {
        throw new IOException("there is more");
      }
      if (count > result.byteSize() - at) {
        long space = Math.max(at + count, result.byteSize() * 2);
        MemorySegment larger = arena.allocate(Math.min(size, space), 8);
        MemorySegment.copy(result, 0, larger, 0, at);
        result = larger;
      }
      MemorySegment.copy(buffer, 0, result, ValueLayout.JAVA_BYTE, at, count);
      at += count;
    }
    if (at != size) {
      throw new IOException("there are only 0x%x bytes".formatted(at));
    }
    return result.asSlice(0, size);
  }
}
