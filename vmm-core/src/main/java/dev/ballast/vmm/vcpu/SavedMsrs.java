package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.ffi.kvm.VcpuRegisters;
import dev.ballast.ffi.linux.ErrnoException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Which MSRs are part of a vCPU's state: those that KVM lists (KVM_GET_MSR_INDEX_LIST), and the
 * memory type range registers, which it has and does not list (Intel SDM 3A §12.11).
 */
public final class SavedMsrs {
  private static final int VARIABLE_RANGES = 8;

  private SavedMsrs() {}

  /**
   * Returns the indices of all that KVM lets a VMM read: it refuses some that it lists, and every
   * refusal would cost one more call each time that a state is saved.
   *
   * @param vcpu any vCPU of the machine; all have the same
   * @param listed what KVM lists
   * @throws ErrnoException if KVM does not read MSRs at all
   */
  public static List<Integer> of(VcpuRegisters vcpu, List<Integer> listed) throws ErrnoException {
    int[] wanted =
        IntStream.concat(listed.stream().mapToInt(Integer::intValue), memoryTypes())
            .distinct()
            .toArray();
    MsrTable readable = vcpu.getMsrs(wanted);
    List<Integer> indices = new ArrayList<>();
    for (int i = 0; i < readable.size(); i++) {
      indices.add(readable.index(i));
    }
    return indices;
  }

  /** The ranges come before the register that switches them on. */
  private static IntStream memoryTypes() {
    return IntStream.concat(
        IntStream.range(0x200, 0x200 + 2 * VARIABLE_RANGES),
        IntStream.of(
            0x250,
            0x258,
            0x259,
            0x268,
            0x269,
            0x26a,
            0x26b,
            0x26c,
            0x26d,
            0x26e,
            0x26f,
            BootMsrs.MTRR_DEF_TYPE));
  }
}
