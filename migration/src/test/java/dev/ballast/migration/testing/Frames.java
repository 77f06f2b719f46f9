package dev.ballast.migration.testing;

import com.github.luben.zstd.Zstd;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;
import net.jpountz.lz4.LZ4Factory;

/**
 * Frames as bytes, with checksums that are made right: a fuzzer that had to guess them would never
 * see what is behind them.
 */
public final class Frames {
  /**
   * Before the payload of a frame in a script: type, flags, block; page, pages; payload length.
   * {@code u8}, {@code u8}, {@code u8}, {@code u64}, {@code u64}, {@code u16}, little-endian.
   */
  private static final int SCRIPT_HEADER = 3 + 2 * Long.BYTES + Short.BYTES;

  /** A script says no more than this, so that one input does not take for ever. */
  private static final int MAX_FRAMES = 100;

  private Frames() {}

  /** Returns the frames of a stream that is whole. */
  public static List<byte[]> split(byte[] stream) {
    ByteBuffer bytes = ByteBuffer.wrap(stream).order(ByteOrder.LITTLE_ENDIAN);
    List<byte[]> frames = new ArrayList<>();
    for (int at = 0; at < stream.length; ) {
      int length = Protocol.HEADER_BYTES + bytes.getInt(at + 32);
      frames.add(Arrays.copyOfRange(stream, at, at + length));
      at += length;
    }
    return frames;
  }

  private static int crc(byte[] bytes, int from, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, from, length);
    return (int) crc.getValue();
  }

  /** Returns the type of a frame by its number on the wire. */
  public static int type(byte[] frame) {
    return ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).getShort(4);
  }

  /**
   * Makes the checksums of a frame right.
   *
   * @param frame header and payload
   * @param length whether the length in the header is made right, too
   * @return the same array
   */
  public static byte[] seal(byte[] frame, boolean length) {
    ByteBuffer header = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
    int payload = frame.length - Protocol.HEADER_BYTES;
    if (length) {
      header.putInt(32, payload);
    }
    boolean pages = (header.getShort(6) & Protocol.FLAG_PAGE_CHECKSUMS) != 0;
    int table = pages ? (int) Math.min(payload, Math.max(0, header.getLong(24) * 4)) : payload;
    header.putInt(12, crc(frame, Protocol.HEADER_BYTES, table));
    header.putInt(36, crc(frame, 0, Protocol.HEADER_BYTES - Integer.BYTES));
    return frame;
  }

  /** Makes a frame whose length and checksums are right. */
  public static byte[] of(int type, int flags, int block, long page, long pages, byte[] payload) {
    ByteBuffer frame =
        ByteBuffer.allocate(Protocol.HEADER_BYTES + payload.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putInt(Protocol.MAGIC)
            .putShort((short) type)
            .putShort((short) flags)
            .putInt(block)
            .putInt(0)
            .putLong(page)
            .putLong(pages);
    return seal(frame.put(Protocol.HEADER_BYTES, payload).array(), true);
  }

  /** Makes a frame with a payload whose checksum is right. */
  public static byte[] of(FrameType type, byte[] payload) {
    return of(type.code(), Protocol.FLAG_PAYLOAD_CHECKSUM, 0, 0, 0, payload);
  }

  /** Makes a frame of whole pages that are compressed. */
  public static byte[] compressed(PageCompression compression, long page, byte[] pages) {
    byte[] payload =
        switch (compression) {
          case NONE -> throw new IllegalArgumentException("no compression");
          // Not the code that the source uses.
          case LZ4 -> LZ4Factory.safeInstance().fastCompressor().compress(pages);
          case ZSTD -> Zstd.compress(pages);
        };
    int flags = Protocol.FLAG_COMPRESSED | Protocol.FLAG_PAYLOAD_CHECKSUM;
    long count = pages.length / RamBlock.PAGE_SIZE;
    return of(FrameType.RAM_PAGES.code(), flags, 0, page, count, payload);
  }

  /**
   * Returns the frames of a script: short, and any bytes are one. A payload that is too short for
   * the pages of a {@link FrameType#RAM_PAGES} frame is repeated until they are full, and the table
   * of checksums comes by itself; unless they are compressed.
   */
  public static List<byte[]> ofScript(byte[] script) {
    ByteBuffer in = ByteBuffer.wrap(script).order(ByteOrder.LITTLE_ENDIAN);
    List<byte[]> frames = new ArrayList<>();
    while (in.remaining() >= SCRIPT_HEADER && frames.size() < MAX_FRAMES) {
      int type = in.get() & 0xff;
      int flags = in.get() & 0xff;
      int block = in.get();
      long page = in.getLong();
      long pages = in.getLong();
      byte[] payload = new byte[Math.min(in.getShort() & 0xffff, in.remaining())];
      in.get(payload);
      if (type == FrameType.RAM_PAGES.code() && (flags & Protocol.FLAG_COMPRESSED) == 0) {
        payload = pages(payload, pages, (flags & Protocol.FLAG_PAGE_CHECKSUMS) != 0);
      }
      frames.add(of(type, flags, block, page, pages, payload));
    }
    return frames;
  }

  private static byte[] pages(byte[] payload, long pages, boolean checksums) {
    boolean fits = pages > 0 && pages <= Protocol.MAX_RUN_PAGES;
    if (!fits || payload.length == 0 || payload.length >= RamBlock.PAGE_SIZE) {
      return payload;
    }
    int table = checksums ? (int) pages * Integer.BYTES : 0;
    byte[] full = new byte[table + (int) pages * RamBlock.PAGE_SIZE];
    for (int at = table; at < full.length; at++) {
      full[at] = payload[(at - table) % payload.length];
    }
    ByteBuffer sums = ByteBuffer.wrap(full).order(ByteOrder.LITTLE_ENDIAN);
    for (int at = 0; at < table; at += Integer.BYTES) {
      int from = table + at / Integer.BYTES * RamBlock.PAGE_SIZE;
      sums.putInt(at, crc(full, from, RamBlock.PAGE_SIZE));
    }
    return full;
  }

  /** Returns the script of frames; pages whose bytes are all the same become one byte. */
  public static byte[] toScript(List<byte[]> frames) {
    ByteBuffer out =
        ByteBuffer.allocate(frames.stream().mapToInt(frame -> frame.length).sum())
            .order(ByteOrder.LITTLE_ENDIAN);
    for (byte[] frame : frames) {
      ByteBuffer header = ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN);
      byte[] payload = Arrays.copyOfRange(frame, Protocol.HEADER_BYTES, frame.length);
      boolean compressed = (header.getShort(6) & Protocol.FLAG_COMPRESSED) != 0;
      if (type(frame) == FrameType.RAM_PAGES.code() && !compressed) {
        payload = new byte[] {payload[payload.length - 1]};
      }
      out.put((byte) header.getShort(4))
          .put((byte) header.getShort(6))
          .put((byte) header.getInt(8))
          .putLong(header.getLong(16))
          .putLong(header.getLong(24))
          .putShort((short) payload.length)
          .put(payload);
    }
    return Arrays.copyOf(out.array(), out.position());
  }
}
