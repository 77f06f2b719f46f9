package dev.ballast.vmm.boot;

import static dev.ballast.vmm.memory.LittleEndian.U16;
import static dev.ballast.vmm.memory.LittleEndian.U32;
import static dev.ballast.vmm.memory.LittleEndian.U64;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * An ELF64 executable for x86-64 (System V gABI chapter 5): a {@code vmlinux} or a bare guest.
 * Nothing in the file is trusted.
 *
 * @param name the file, for messages
 * @param file the whole file
 * @param segments what is loaded
 * @param entry {@code e_entry}; a physical address in a vmlinux, a virtual one elsewhere
 * @param pvhEntry the 32-bit entry of the PVH note ({@code XEN_ELFNOTE_PHYS32_ENTRY}), physical
 */
public record ElfImage(
    String name, MemorySegment file, List<Load> segments, long entry, OptionalLong pvhEntry) {

  private static final int MAGIC = 0x464c457f;
  private static final int HEADER_SIZE = 64;
  private static final int PROGRAM_HEADER_SIZE = 56;
  private static final int CLASS_64 = 2;
  private static final int DATA_LITTLE_ENDIAN = 1;
  private static final int MACHINE_X86_64 = 62;
  private static final int PT_LOAD = 1;
  private static final int PT_NOTE = 4;
  private static final int NOTE_HEADER_SIZE = 12;

  /** No kernel has more, and a hostile file must not keep a search busy. */
  private static final int MAX_HEADERS_SEARCHED = 64;

  private static final long MAX_NOTES_SEARCHED = 1 << 20;
  private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;

  /**
   * A loadable segment.
   *
   * @param offset in the file
   * @param fileSize bytes in the file
   * @param virtualAddress where it is linked to run
   * @param physicalAddress the guest physical address it is loaded at
   * @param memorySize bytes in memory; what the file lacks is zero
   */
  public record Load(
      long offset, long fileSize, long virtualAddress, long physicalAddress, long memorySize) {}

  /** Returns whether a file starts like an ELF file. */
  public static boolean looksLike(MemorySegment file) {
    return file.byteSize() >= 4 && file.get(U32, 0) == MAGIC;
  }

  /**
   * Reads the headers.
   *
   * @param name the file, for messages
   * @param file the whole file; kept
   * @throws KernelFormatException if the file is not a 64-bit executable for x86-64, or is
   *     truncated
   */
  public static ElfImage parse(String name, MemorySegment file) throws KernelFormatException {
    if (file.byteSize() < HEADER_SIZE || !looksLike(file)) {
      throw new KernelFormatException(name + ": not an ELF file, or shorter than its header");
    }
    expect(name, "EI_CLASS", file.get(JAVA_BYTE, 4), CLASS_64);
    expect(name, "EI_DATA", file.get(JAVA_BYTE, 5), DATA_LITTLE_ENDIAN);
    expect(name, "e_machine", file.get(U16, 18) & 0xffff, MACHINE_X86_64);
    long table = file.get(U64, 32);
    expect(name, "e_phentsize", file.get(U16, 54) & 0xffff, PROGRAM_HEADER_SIZE);
    int count = file.get(U16, 56) & 0xffff;
    checkRange(name, "program headers", table, (long) count * PROGRAM_HEADER_SIZE, file);
    List<Load> loads = new ArrayList<>();
    OptionalLong pvh = OptionalLong.empty();
    long noteBytes = 0;
    for (int i = 0; i < count; i++) {
      MemorySegment header =
          file.asSlice(table + (long) i * PROGRAM_HEADER_SIZE, PROGRAM_HEADER_SIZE);
      int type = header.get(U32, 0);
      if (type != PT_LOAD && type != PT_NOTE) {
        continue;
      }
      long offset = header.get(U64, 8);
      long fileSize = header.get(U64, 32);
      long memorySize = header.get(U64, 40);
      checkRange(name, "segment " + i, offset, fileSize, file);
      if (type == PT_NOTE) {
        noteBytes += fileSize;
        if (noteBytes > MAX_NOTES_SEARCHED) {
          throw new KernelFormatException(
              "%s: 0x%x bytes of notes and more, expected at most 0x%x"
                  .formatted(name, noteBytes, MAX_NOTES_SEARCHED));
        }
        if (pvh.isEmpty()) {
          pvh = findPvhEntry(name, file.asSlice(offset, fileSize), header.get(U64, 48));
        }
      } else if (memorySize < fileSize) {
        throw new KernelFormatException(
            "%s: segment %d has 0x%x bytes in the file and 0x%x in memory"
                .formatted(name, i, fileSize, memorySize));
      } else {
        loads.add(new Load(offset, fileSize, header.get(U64, 16), header.get(U64, 24), memorySize));
      }
    }
    if (loads.isEmpty()) {
      throw new KernelFormatException(name + ": no loadable segment (PT_LOAD)");
    }
    return new ElfImage(name, file, List.copyOf(loads), file.get(U64, 24), pvh);
  }

  private static void expect(String name, String field, int value, int expected)
      throws KernelFormatException {
    if (value != expected) {
      throw new KernelFormatException(
          name + ": " + field + " is " + value + ", expected " + expected);
    }
  }

  private static void checkRange(
      String name, String what, long offset, long size, MemorySegment file)
      throws KernelFormatException {
    if (offset < 0 || size < 0 || offset > file.byteSize() || size > file.byteSize() - offset) {
      throw new KernelFormatException(
          "%s: %s at 0x%x, 0x%x bytes, is past the end of the file (0x%x bytes): truncated?"
              .formatted(name, what, offset, size, file.byteSize()));
    }
  }

  /**
   * Returns whether a file has a note of this owner, whatever is in it. A file that is malformed
   * has none.
   *
   * @param file the whole file, which {@link #looksLike} an ELF file
   * @param owner the name of the note, ASCII
   */
  static boolean hasNoteOf(MemorySegment file, String owner) {
    MemorySegment name = MemorySegment.ofArray((owner + '\0').getBytes(StandardCharsets.US_ASCII));
    if (file.byteSize() < HEADER_SIZE) {
      return false;
    }
    long table = file.get(U64, 32);
    int count = Math.min(file.get(U16, 56) & 0xffff, MAX_HEADERS_SEARCHED);
    for (int i = 0; i < count; i++) {
      long header = table + (long) i * PROGRAM_HEADER_SIZE;
      if (!isIn(file, header, PROGRAM_HEADER_SIZE)) {
        return false;
      }
      long offset = file.get(U64, header + 8);
      long size = file.get(U64, header + 32);
      if (file.get(U32, header) == PT_NOTE
          && isIn(file, offset, size)
          && hasNoteOf(file.asSlice(offset, Math.min(size, MAX_NOTES_SEARCHED)), name)) {
        return true;
      }
    }
    return false;
  }

  /** Searches every place where a note could begin: that depends on an alignment not known here. */
  private static boolean hasNoteOf(MemorySegment notes, MemorySegment name) {
    long size = name.byteSize();
    for (long at = 0; at + NOTE_HEADER_SIZE + size <= notes.byteSize(); at += 4) {
      if (notes.get(U32, at) == size
          && notes.asSlice(at + NOTE_HEADER_SIZE, size).mismatch(name) < 0) {
        return true;
      }
    }
    return false;
  }

  private static boolean isIn(MemorySegment file, long offset, long size) {
    return offset >= 0 && size >= 0 && offset <= file.byteSize() - size;
  }

  /**
   * Looks for the PVH note in a note segment. With {@code p_align} 8, descriptors and notes start
   * at multiples of 8 (gABI chapter 5, "Note Section"). Any other alignment is that of the segment
   * only, and they start at multiples of 4.
   */
  private static OptionalLong findPvhEntry(String name, MemorySegment notes, long alignment)
      throws KernelFormatException {
    long step = alignment == 8 ? 8 : 4;
    long at = 0;
    while (notes.byteSize() - at >= NOTE_HEADER_SIZE) {
      long nameSize = Integer.toUnsignedLong(notes.get(U32, at));
      long descriptorSize = Integer.toUnsignedLong(notes.get(U32, at + 4));
      int type = notes.get(U32, at + 8);
      long nameAt = at + NOTE_HEADER_SIZE;
      long descriptorAt = roundUp(nameAt + nameSize, step);
      long end = descriptorSize == 0 ? nameAt + nameSize : descriptorAt + descriptorSize;
      if (end > notes.byteSize()) {
        // There may be a PVH note behind it, without which another entry would be taken.
        throw new KernelFormatException(
            ("%s: the note at 0x%x of its segment ends at 0x%x, past the segment's 0x%x bytes"
                    + " (p_align %d)")
                .formatted(name, at, end, notes.byteSize(), alignment));
      }
      boolean xen = nameSize == 4 && notes.get(U32, nameAt) == 0x006e6558; // "Xen\0"
      if (xen && type == XEN_ELFNOTE_PHYS32_ENTRY) {
        return OptionalLong.of(pvhEntry(name, notes.asSlice(descriptorAt, descriptorSize)));
      }
      at = roundUp(end, step);
    }
    return OptionalLong.empty();
  }

  /** Reads the entry, of 4 or of 8 bytes; the processor is in 32-bit mode there. */
  private static long pvhEntry(String name, MemorySegment descriptor) throws KernelFormatException {
    if (descriptor.byteSize() != 4 && descriptor.byteSize() != 8) {
      throw new KernelFormatException(
          name + ": the PVH note has " + descriptor.byteSize() + " bytes, expected 4 or 8");
    }
    long entry =
        descriptor.byteSize() == 8
            ? descriptor.get(U64, 0)
            : Integer.toUnsignedLong(descriptor.get(U32, 0));
    if (entry >>> Integer.SIZE != 0) {
      throw new KernelFormatException(
          "%s: the PVH entry is 0x%x, expected less than 4 GiB".formatted(name, entry));
    }
    return entry;
  }

  private static long roundUp(long value, long step) {
    return (value + step - 1) & -step;
  }

  /**
   * Returns the guest physical address of the 64-bit entry: {@code e_entry} if a segment is loaded
   * there, else where the segment is loaded that is linked to run there.
   *
   * @throws KernelFormatException if it is in no segment
   */
  public long physicalEntry() throws KernelFormatException {
    for (Load load : segments) {
      if (contains(load.physicalAddress(), load.memorySize(), entry)) {
        return entry;
      }
    }
    for (Load load : segments) {
      if (contains(load.virtualAddress(), load.memorySize(), entry)) {
        return entry - load.virtualAddress() + load.physicalAddress();
      }
    }
    throw new KernelFormatException(
        "%s: e_entry is 0x%x, which is in no loadable segment".formatted(name, entry));
  }

  /**
   * Copies the segments into guest memory.
   *
   * @param taken what lies in guest memory beside the kernel
   * @return the guest physical address after the last byte
   * @throws KernelFormatException if a segment does not fit into RAM or lies over one of those
   *     parts, or the PVH entry is in no segment
   */
  long load(GuestMemory memory, List<GuestMemoryMap.Part> taken) throws KernelFormatException {
    if (pvhEntry.isPresent()
        && segments.stream()
            .noneMatch(
                load ->
                    contains(load.physicalAddress(), load.memorySize(), pvhEntry.getAsLong()))) {
      throw new KernelFormatException(
          "%s: the PVH entry is 0x%x, which is in no loadable segment"
              .formatted(name, pvhEntry.getAsLong()));
    }
    long end = 0;
    long total = 0;
    for (Load load : segments) {
      try {
        memory.ramOffset(load.physicalAddress(), load.memorySize());
        total += load.memorySize();
        // They may overlap only by mistake; without this, a small file could keep the loader busy
        // for hours.
        if (total > memory.size()) {
          throw new KernelFormatException(
              "%s: its segments are more than guest RAM of 0x%x bytes"
                  .formatted(name, memory.size()));
        }
        checkFree(load, taken);
        memory.write(load.physicalAddress(), file.asSlice(load.offset(), load.fileSize()));
        memory.zero(load.physicalAddress() + load.fileSize(), load.memorySize() - load.fileSize());
      } catch (GuestAddressException _) {
        throw new KernelFormatException(
            "%s: a segment of 0x%x bytes at 0x%x does not fit into guest RAM of 0x%x bytes"
                .formatted(name, load.memorySize(), load.physicalAddress(), memory.size()));
      }
      end = Math.max(end, load.physicalAddress() + load.memorySize());
    }
    return end;
  }

  private void checkFree(Load load, List<GuestMemoryMap.Part> taken) throws KernelFormatException {
    for (GuestMemoryMap.Part part : taken) {
      if (part.overlaps(load.physicalAddress(), load.memorySize())) {
        throw new KernelFormatException(
            "%s: a segment of 0x%x bytes at 0x%x lies over the %s of 0x%x bytes at 0x%x"
                .formatted(
                    name,
                    load.memorySize(),
                    load.physicalAddress(),
                    part.name(),
                    part.size(),
                    part.address()));
      }
    }
  }

  private static boolean contains(long start, long size, long address) {
    return Long.compareUnsigned(address - start, size) < 0;
  }
}
