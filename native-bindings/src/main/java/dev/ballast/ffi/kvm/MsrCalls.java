package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.generated.kvm.kvm_msr_entry;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** KVM_GET_MSRS and KVM_SET_MSRS, for any number of MSRs. */
final class MsrCalls {
  /** The kernel takes no more at once ({@code MAX_IO_MSRS}). */
  private static final int AT_ONCE = 256;

  private MsrCalls() {}

  /** Reads MSRs; those that the kernel refuses are left out. */
  static MsrTable get(FileDescriptor file, int[] indices, String context) throws ErrnoException {
    int[] found = new int[indices.length];
    long[] values = new long[indices.length];
    int count = 0;
    try (Arena temporary = Arena.ofConfined()) {
      int next = 0;
      while (next < indices.length) {
        int batch = Math.min(AT_ONCE, indices.length - next);
        MemorySegment msrs = allocate(temporary, batch);
        for (int i = 0; i < batch; i++) {
          kvm_msr_entry.index(entry(msrs, i), indices[next + i]);
        }
        int done = Ioctl.call(file, "KVM_GET_MSRS", KvmH.KVM_GET_MSRS(), msrs, context);
        for (int i = 0; i < done; i++) {
          found[count] = indices[next + i];
          values[count++] = kvm_msr_entry.data(entry(msrs, i));
        }
        // The kernel stops at the first one that it refuses: skip that and go on after it.
        next += done < batch ? done + 1 : done;
      }
    }
    return new MsrTable(Arrays.copyOf(found, count), Arrays.copyOf(values, count));
  }

  /** Sets MSRs in the order of the table; returns the indices of those that the kernel refused. */
  static int[] set(FileDescriptor file, MsrTable table, String context) throws ErrnoException {
    int[] refused = new int[table.size()];
    int count = 0;
    try (Arena temporary = Arena.ofConfined()) {
      int next = 0;
      while (next < table.size()) {
        int batch = Math.min(AT_ONCE, table.size() - next);
        MemorySegment msrs = allocate(temporary, batch);
        for (int i = 0; i < batch; i++) {
          kvm_msr_entry.index(entry(msrs, i), table.index(next + i));
          kvm_msr_entry.data(entry(msrs, i), table.value(next + i));
        }
        int done = Ioctl.call(file, "KVM_SET_MSRS", KvmH.KVM_SET_MSRS(), msrs, context);
        if (done < batch) {
          refused[count++] = table.index(next + done);
          done++;
        }
        next += done;
      }
    }
    return Arrays.copyOf(refused, count);
  }

  private static MemorySegment allocate(Arena arena, int count) {
    MemorySegment msrs =
        arena.allocate(KvmH.OFFSET_kvm_msrs_entries() + count * kvm_msr_entry.sizeof(), Long.BYTES);
    msrs.set(JAVA_INT, KvmH.OFFSET_kvm_msrs_nmsrs(), count);
    return msrs;
  }

  private static MemorySegment entry(MemorySegment msrs, int i) {
    long size = kvm_msr_entry.sizeof();
    return msrs.asSlice(KvmH.OFFSET_kvm_msrs_entries() + i * size, size);
  }
}
