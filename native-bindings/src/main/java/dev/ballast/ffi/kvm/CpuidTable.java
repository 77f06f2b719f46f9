package dev.ballast.ffi.kvm;

import dev.ballast.ffi.generated.kvm.KvmH;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the CPUID instruction tells a vCPU (KVM API §4.46, §4.47); immutable.
 *
 * @param entries one a leaf or subleaf, in the order in which the kernel lists them
 */
public record CpuidTable(List<Entry> entries) {
  /** {@link Entry#flags}: the entry is for its index only. */
  public static final int SIGNIFICANT_INDEX = KvmH.KVM_CPUID_FLAG_SIGNIFCANT_INDEX();

  private static final int ENTRY_SIZE = 7 * Integer.BYTES;

  /**
   * A leaf or subleaf.
   *
   * @param function EAX of the instruction, for instance 0x80000001
   * @param index ECX of the instruction, when {@code flags} says that it matters
   * @param flags {@code KVM_CPUID_FLAG_*}
   */
  public record Entry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {
    /** Returns this with other registers. */
    public Entry with(int newEax, int newEbx, int newEcx, int newEdx) {
      return new Entry(function, index, flags, newEax, newEbx, newEcx, newEdx);
    }

    private boolean answers(int otherFunction, int otherIndex) {
      return function == otherFunction && ((flags & SIGNIFICANT_INDEX) == 0 || index == otherIndex);
    }
  }

  public CpuidTable {
    entries = List.copyOf(entries);
  }

  /**
   * Reads what {@link #toBytes} wrote.
   *
   * @throws IllegalArgumentException if the length is not a multiple of an entry's
   */
  public static CpuidTable of(byte[] bytes) {
    if (bytes.length % ENTRY_SIZE != 0) {
      throw new IllegalArgumentException(bytes.length + " bytes are not a CPUID table");
    }
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    List<Entry> entries = new ArrayList<>(bytes.length / ENTRY_SIZE);
    while (buffer.hasRemaining()) {
      entries.add(
          new Entry(
              buffer.getInt(),
              buffer.getInt(),
              buffer.getInt(),
              buffer.getInt(),
              buffer.getInt(),
              buffer.getInt(),
              buffer.getInt()));
    }
    return new CpuidTable(entries);
  }

  /**
   * Returns the table as little-endian bytes: seven 32-bit words an entry, in the order of its
   * components.
   */
  public byte[] toBytes() {
    ByteBuffer buffer =
        ByteBuffer.allocate(entries.size() * ENTRY_SIZE).order(ByteOrder.LITTLE_ENDIAN);
    for (Entry entry : entries) {
      buffer.putInt(entry.function).putInt(entry.index).putInt(entry.flags);
      buffer.putInt(entry.eax).putInt(entry.ebx).putInt(entry.ecx).putInt(entry.edx);
    }
    return buffer.array();
  }

  /** Returns the entry that answers CPUID with EAX = {@code function} and ECX = {@code index}. */
  public Optional<Entry> find(int function, int index) {
    return entries.stream().filter(entry -> entry.answers(function, index)).findFirst();
  }

  /** Returns this with an entry in place of the one for the same leaf, or added at the end. */
  public CpuidTable with(Entry entry) {
    List<Entry> changed = new ArrayList<>(entries);
    for (int i = 0; i < changed.size(); i++) {
      if (changed.get(i).answers(entry.function, entry.index)) {
        changed.set(i, entry);
        return new CpuidTable(changed);
      }
    }
    changed.add(entry);
    return new CpuidTable(changed);
  }

  /** Returns this without the entries of a leaf. */
  public CpuidTable without(int function) {
    return new CpuidTable(entries.stream().filter(entry -> entry.function != function).toList());
  }
}
