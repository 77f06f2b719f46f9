package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_msr_entry;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * KVM_GET_MSRS and KVM_SET_MSRS, for any number of MSRs. A guest with many vCPUs stands still while
 * this code, cold, reads and sets all of theirs: so a {@code struct kvm_msrs} is laid out as 64-bit
 * words on the heap and copied as a whole, rather than field by field.
 */
final class MsrCalls {
  /** The kernel takes no more at once ({@code MAX_IO_MSRS}). */
  private static final int AT_ONCE = 256;

  /** Words of the header: how many entries follow. */
  private static final int HEADER = KvmH.OFFSET_kvm_msrs_entries() / Long.BYTES;

  /** Words of an entry: the index, then the value. */
  private static final int ENTRY = (int) kvm_msr_entry.sizeof() / Long.BYTES;

  private MsrCalls() {}

  /** Reads MSRs; those that the kernel refuses are left out. */
  static MsrTable get(FileDescriptor file, int[] indices, String context) throws ErrnoException {
    int[] found = new int[indices.length];
    long[] values = new long[indices.length];
    int count = 0;
    int next = 0;
    while (next < indices.length) {
      int batch = Math.min(AT_ONCE, indices.length - next);
      long[] words = words(batch);
      for (int i = 0; i < batch; i++) {
        words[HEADER + i * ENTRY] = Integer.toUnsignedLong(indices[next + i]);
      }
      int done = call(file, "KVM_GET_MSRS", KvmH.KVM_GET_MSRS(), words, context);
      for (int i = 0; i < done; i++) {
        found[count] = indices[next + i];
        values[count++] = words[HEADER + i * ENTRY + 1];
      }
      // The kernel stops at the first one that it refuses: skip that and go on after it.
      next += done < batch ? done + 1 : done;
    }
    return MsrTable.owning(found, values, count);
  }

  /** Sets MSRs in the order of the table; returns the indices of those that the kernel refused. */
  static int[] set(FileDescriptor file, MsrTable table, String context) throws ErrnoException {
    int[] refused = new int[table.size()];
    int count = 0;
    int next = 0;
    while (next < table.size()) {
      int batch = Math.min(AT_ONCE, table.size() - next);
      long[] words = words(batch);
      for (int i = 0; i < batch; i++) {
        words[HEADER + i * ENTRY] = Integer.toUnsignedLong(table.index(next + i));
        words[HEADER + i * ENTRY + 1] = table.value(next + i);
      }
      int done = call(file, "KVM_SET_MSRS", KvmH.KVM_SET_MSRS(), words, context);
      if (done < batch) {
        refused[count++] = table.index(next + done);
        done++;
      }
      next += done;
    }
    return Arrays.copyOf(refused, count);
  }

  private static long[] words(int count) {
    long[] words = new long[HEADER + count * ENTRY];
    words[0] = count;
    return words;
  }

  private static int call(
      FileDescriptor file, String name, long request, long[] words, String context)
      throws ErrnoException {
    try (Arena temporary = Arena.ofConfined()) {
      MemorySegment msrs = temporary.allocate((long) words.length * Long.BYTES, Long.BYTES);
      MemorySegment.copy(words, 0, msrs, JAVA_LONG, 0, words.length);
      int done = Ioctl.call(file, name, request, msrs, context);
      MemorySegment.copy(msrs, JAVA_LONG, 0, words, 0, words.length);
      return done;
    }
  }
}
