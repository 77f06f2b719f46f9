package dev.ballast.vmm.boot;

import com.github.luben.zstd.ZstdOutputStreamNoFinalizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import net.jpountz.lz4.LZ4Factory;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.LZMAOutputStream;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;

/** Small kernel files, made the way Linux makes its own. */
final class KernelFiles {
  static final long LOAD_ADDRESS = 0x100_0000;
  static final long MEMORY_NEEDED = 0x20_0000;
  static final long VIRTUAL_BASE = 0xffff_ffff_8000_0000L;
  static final long PVH_ENTRY = LOAD_ADDRESS + 0x10;
  static final int PVH_NOTE = 18;
  static final int PROGRAM_HEADERS = 64;
  static final int PROGRAM_HEADER_SIZE = 56;
  static final int COMMAND_LINE_LIMIT = 255;
  static final long INITRD_LIMIT = 0x300_0000;

  /** Bytes of the segment that are not in the file. */
  static final int BSS = 0x800;

  private static final int SETUP_SECTORS = 2;
  private static final int PAYLOAD_OFFSET = 0x2cc;
  private static final int LZ4_BLOCK = 8 << 20;

  private KernelFiles() {}

  /** Returns a vmlinux: a segment with the content and some bss, then a note segment. */
  static byte[] elf(byte[] content, boolean pvh) {
    byte[] entry = bytes(little(4).putInt((int) PVH_ENTRY));
    return elf(content, LOAD_ADDRESS, note(pvh ? "Xen" : "Foo", PVH_NOTE, entry, 4), 0x1000);
  }

  /** Returns a vmlinux that is to be loaded there, with these notes in a segment so aligned. */
  static byte[] elf(byte[] content, long loadAddress, byte[] notes, long alignment) {
    int contentAt = PROGRAM_HEADERS + 2 * PROGRAM_HEADER_SIZE;
    int notesAt = contentAt + content.length;
    ByteBuffer elf = little(notesAt + notes.length);
    elf.putInt(0x464c457f).put((byte) 2).put((byte) 1).put((byte) 1);
    elf.putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1);
    elf.putLong(24, loadAddress).putLong(32, PROGRAM_HEADERS);
    elf.putShort(52, (short) 64).putShort(54, (short) PROGRAM_HEADER_SIZE).putShort(56, (short) 2);
    elf.position(PROGRAM_HEADERS);
    int memorySize = content.length + BSS;
    programHeader(elf, 1, contentAt, loadAddress, content.length, memorySize, 0x1000);
    programHeader(elf, 4, notesAt, loadAddress, notes.length, notes.length, alignment);
    elf.put(content).put(notes);
    return bytes(elf);
  }

  private static void programHeader(
      ByteBuffer elf,
      int type,
      long offset,
      long address,
      long fileSize,
      long memorySize,
      long alignment) {
    elf.putInt(type).putInt(5).putLong(offset);
    elf.putLong(VIRTUAL_BASE + address).putLong(address);
    elf.putLong(fileSize).putLong(memorySize).putLong(alignment);
  }

  /** Returns an ELF note, padded so that the next can follow. */
  static byte[] note(String name, int type, byte[] descriptor, int step) {
    int descriptorAt = roundUp(12 + name.length() + 1, step);
    ByteBuffer note = little(roundUp(descriptorAt + descriptor.length, step));
    note.putInt(name.length() + 1).putInt(descriptor.length).putInt(type);
    note.put(name.getBytes(StandardCharsets.US_ASCII));
    note.put(descriptorAt, descriptor);
    return bytes(note);
  }

  private static int roundUp(int value, int step) {
    return (value + step - 1) / step * step;
  }

  /** Returns a bzImage of boot protocol 2.15 with this payload. */
  static byte[] bzImage(byte[] payload) {
    int setup = (1 + SETUP_SECTORS) * 512;
    int paragraphs = (PAYLOAD_OFFSET + payload.length + 15) / 16;
    ByteBuffer image = little(setup + paragraphs * 16);
    image.put(0x1f1, (byte) SETUP_SECTORS).putInt(0x1f4, paragraphs);
    image.putShort(0x1fe, (short) 0xaa55).put(0x200, (byte) 0xeb).put(0x201, (byte) 0x6a);
    image.putInt(0x202, 0x53726448).putShort(0x206, (short) 0x20f).put(0x211, (byte) 1);
    image.putInt(0x22c, (int) INITRD_LIMIT - 1).putInt(0x230, 0x20_0000).put(0x234, (byte) 1);
    image.putShort(0x236, (short) 1).putInt(0x238, COMMAND_LINE_LIMIT);
    image.putInt(0x248, PAYLOAD_OFFSET).putInt(0x24c, payload.length);
    image.putLong(0x258, LOAD_ADDRESS).putInt(0x260, (int) MEMORY_NEEDED);
    image.put(setup + PAYLOAD_OFFSET, payload);
    return bytes(image);
  }

  /** Returns the payload for a vmlinux: compressed, and followed by its size. */
  static byte[] payload(KernelPayload.Compression compression, byte[] vmlinux) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    switch (compression) {
      case GZIP -> compress(new GZIPOutputStream(bytes), vmlinux);
      case XZ ->
          compress(
              new XZOutputStream(
                  bytes,
                  new FilterOptions[] {new X86Options(), new LZMA2Options(0)},
                  XZ.CHECK_CRC32),
              vmlinux);
      case ZSTD -> compress(new ZstdOutputStreamNoFinalizer(bytes, 3), vmlinux);
      case LZMA -> compress(new LZMAOutputStream(bytes, new LZMA2Options(0), -1), vmlinux);
      case LZ4 -> lz4(bytes, vmlinux);
      case BZIP2 -> bytes.writeBytes("BZh9 something".getBytes(StandardCharsets.US_ASCII));
      case LZO -> bytes.writeBytes("\u0089LZO something".getBytes(StandardCharsets.ISO_8859_1));
    }
    if (compression != KernelPayload.Compression.GZIP) {
      bytes.writeBytes(size(vmlinux.length));
    }
    return bytes.toByteArray();
  }

  private static void compress(OutputStream out, byte[] content) throws IOException {
    try (out) {
      out.write(content);
    }
  }

  private static void lz4(ByteArrayOutputStream out, byte[] content) {
    out.writeBytes(size(0x184c2102));
    for (int at = 0; at < content.length; at += LZ4_BLOCK) {
      byte[] block = Arrays.copyOfRange(content, at, Math.min(content.length, at + LZ4_BLOCK));
      byte[] compressed = LZ4Factory.safeInstance().fastCompressor().compress(block);
      out.writeBytes(size(compressed.length));
      out.writeBytes(compressed);
    }
  }

  private static byte[] size(int value) {
    return bytes(little(4).putInt(value));
  }

  static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.capacity()];
    buffer.get(0, bytes);
    return bytes;
  }

  static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
