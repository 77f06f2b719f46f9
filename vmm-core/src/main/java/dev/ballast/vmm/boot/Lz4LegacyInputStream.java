package dev.ballast.vmm.boot;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import net.jpountz.lz4.LZ4Exception;
import net.jpountz.lz4.LZ4Factory;
import net.jpountz.lz4.LZ4SafeDecompressor;

/**
 * Decompresses LZ4 in its legacy frame (lz4 {@code doc/lz4_Frame_format.md}, "Legacy frame"), which
 * is what Linux kernels use: a magic number, then blocks of at most 8 MiB, each after its
 * compressed size in 4 bytes, little-endian. Not thread-safe.
 */
final class Lz4LegacyInputStream extends InputStream {
  private static final int MAGIC = 0x184c2102;
  private static final int BLOCK_SIZE = 8 << 20;

  /** What incompressible data may grow to (lz4.h, LZ4_COMPRESSBOUND). */
  private static final int LARGEST_BLOCK = BLOCK_SIZE + BLOCK_SIZE / 255 + 16;

  // The safe Java variant: the others use JNI or sun.misc.Unsafe.
  private final LZ4SafeDecompressor decompressor = LZ4Factory.safeInstance().safeDecompressor();
  private final InputStream in;
  private final byte[] block = new byte[BLOCK_SIZE];
  private int at;
  private int end;

  /**
   * @param in starts with the magic number
   * @throws IOException if it does not
   */
  Lz4LegacyInputStream(InputStream in) throws IOException {
    this.in = in;
    if (readSize() != MAGIC) {
      throw new IOException("not a legacy LZ4 frame");
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (at == end) {
      if (!nextBlock()) {
        return -1;
      }
    }
    int count = Math.min(length, end - at);
    System.arraycopy(block, at, into, offset, count);
    at += count;
    return count;
  }

  private boolean nextBlock() throws IOException {
    int size = readSize();
    // Frames may follow each other, each with its magic number.
    while (size == MAGIC) {
      size = readSize();
    }
    if (size == -1) {
      return false;
    }
    if (size <= 0 || size > LARGEST_BLOCK) {
      throw new IOException(
          "LZ4 block of 0x%x bytes, expected 1 to 0x%x".formatted(size, LARGEST_BLOCK));
    }
    byte[] compressed = in.readNBytes(size);
    if (compressed.length < size) {
      throw new IOException(
          "LZ4 block of 0x%x bytes, only 0x%x left".formatted(size, compressed.length));
    }
    try {
      end = decompressor.decompress(compressed, 0, size, block, 0, BLOCK_SIZE);
    } catch (LZ4Exception e) {
      throw new IOException("LZ4 block: " + e.getMessage(), e);
    }
    at = 0;
    return true;
  }

  /** Returns the next 4 bytes, or -1 at the end. */
  private int readSize() throws IOException {
    byte[] bytes = in.readNBytes(4);
    if (bytes.length == 0) {
      return -1;
    }
    if (bytes.length < 4) {
      throw new IOException("LZ4 block size cut short");
    }
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
  }
}
