package dev.ballast.vmm.machine;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** An ELF file with a PVH note around a few bytes of 32-bit code. */
final class TinyGuest {
  private static final int LOAD_ADDRESS = 0x10_0000;
  private static final int HEADERS = 64 + 2 * 56;
  private static final int NOTE_SIZE = 20;

  private TinyGuest() {}

  static Path write(Path directory, int... code) throws IOException {
    ByteBuffer elf =
        ByteBuffer.allocate(HEADERS + NOTE_SIZE + code.length).order(ByteOrder.LITTLE_ENDIAN);
    elf.putInt(0x464c457f).put((byte) 2).put((byte) 1).put((byte) 1);
    elf.position(16);
    elf.putShort((short) 2).putShort((short) 62).putInt(1);
    elf.putLong(LOAD_ADDRESS).putLong(64).putLong(0).putInt(0);
    elf.putShort((short) 64).putShort((short) 56).putShort((short) 2);
    elf.position(64);
    programHeader(elf, 1, HEADERS + NOTE_SIZE, LOAD_ADDRESS, code.length);
    programHeader(elf, 4, HEADERS, 0, NOTE_SIZE);
    elf.putInt(4).putInt(4).putInt(18).put(new byte[] {'X', 'e', 'n', 0}).putInt(LOAD_ADDRESS);
    for (int b : code) {
      elf.put((byte) b);
    }
    return Files.write(directory.resolve("tiny.elf"), elf.array());
  }

  private static void programHeader(
      ByteBuffer elf, int type, long offset, long address, long size) {
    elf.putInt(type).putInt(7).putLong(offset).putLong(address).putLong(address);
    elf.putLong(size).putLong(size).putLong(4096);
  }
}
