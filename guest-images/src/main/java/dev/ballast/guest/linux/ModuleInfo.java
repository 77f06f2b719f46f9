package dev.ballast.guest.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * What a kernel module says about itself in its ELF section {@code .modinfo}: strings {@code
 * key=value}, each ended by a zero byte (Linux {@code include/linux/moduleparam.h}).
 *
 * @param dependencies the modules that must be loaded before, by name, with underscores
 */
record ModuleInfo(List<String> dependencies) {
  static final int ELF_MAGIC = 0x464c457f;
  static final int CLASS_64 = 2;
  private static final int DATA_LITTLE_ENDIAN = 1;
  private static final int ELF_HEADER_SIZE = 64;
  private static final int SECTION_HEADER_SIZE = 64;
  private static final int SECTION_OFFSET_AT = 0x28;
  private static final int SECTION_ENTRY_SIZE_AT = 0x3a;
  private static final String DEPENDS = "depends=";

  /**
   * Parses a module.
   *
   * @param file what to call it in errors
   * @param content an ELF64 file, little-endian
   */
  static ModuleInfo parse(Path file, byte[] content) throws GuestImageException {
    ByteBuffer elf = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
    if (content.length < ELF_HEADER_SIZE
        || elf.getInt(0) != ELF_MAGIC
        || elf.get(4) != CLASS_64
        || elf.get(5) != DATA_LITTLE_ENDIAN) {
      throw new GuestImageException(file + " is not a kernel module: no 64-bit ELF header");
    }
    long table = elf.getLong(SECTION_OFFSET_AT);
    int entrySize = elf.getShort(SECTION_ENTRY_SIZE_AT) & 0xffff;
    int count = elf.getShort(SECTION_ENTRY_SIZE_AT + 2) & 0xffff;
    int names = elf.getShort(SECTION_ENTRY_SIZE_AT + 4) & 0xffff;
    if (entrySize != SECTION_HEADER_SIZE
        || names >= count
        || !inside(content.length, table, (long) count * SECTION_HEADER_SIZE)) {
      throw new GuestImageException(file + " is damaged: its ELF section table is not in the file");
    }
    byte[] nameTable = section(file, elf, table, names);
    for (int i = 0; i < count; i++) {
      int name = elf.getInt((int) table + i * SECTION_HEADER_SIZE);
      if (name >= 0 && name < nameTable.length && string(nameTable, name).equals(".modinfo")) {
        return new ModuleInfo(dependencies(section(file, elf, table, i)));
      }
    }
    throw new GuestImageException(file + " is not a kernel module: it has no section .modinfo");
  }

  private static byte[] section(Path file, ByteBuffer elf, long table, int index)
      throws GuestImageException {
    int header = (int) table + index * SECTION_HEADER_SIZE;
    long offset = elf.getLong(header + 0x18);
    long size = elf.getLong(header + 0x20);
    if (!inside(elf.capacity(), offset, size)) {
      throw new GuestImageException(
          file + " is damaged: its ELF section " + index + " is not in the file");
    }
    byte[] section = new byte[(int) size];
    elf.get((int) offset, section);
    return section;
  }

  private static boolean inside(int fileSize, long offset, long size) {
    return offset >= 0 && size >= 0 && offset <= fileSize && size <= fileSize - offset;
  }

  private static List<String> dependencies(byte[] modinfo) {
    List<String> dependencies = new ArrayList<>();
    for (int at = 0; at < modinfo.length; ) {
      String entry = string(modinfo, at);
      if (entry.startsWith(DEPENDS)) {
        for (String name : entry.substring(DEPENDS.length()).split(",", -1)) {
          if (!name.isEmpty()) {
            dependencies.add(name.replace('-', '_'));
          }
        }
      }
      at += entry.length() + 1;
    }
    return List.copyOf(dependencies);
  }

  private static String string(byte[] bytes, int start) {
    int end = start;
    while (end < bytes.length && bytes[end] != 0) {
      end++;
    }
    // One character a byte, so that lengths are the same.
    return new String(bytes, start, end - start, StandardCharsets.ISO_8859_1);
  }
}
