package dev.ballast.vmm.cpuid;

import dev.ballast.ffi.kvm.CpuidTable;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A processor: what a host's KVM can offer, what a machine offers its guest, or what a guest that
 * arrives has been offered. Immutable.
 *
 * @param cpuid what CPUID returns, without a vCPU's place in the machine
 * @param msrs the indices of the MSRs that are part of a guest's state
 * @param featureMsrs the values, by index, of the MSRs that describe features
 * @param stateSizes how many bytes each kind of a vCPU's state has, by its name; empty when it is
 *     not known
 */
public record CpuProfile(
    CpuidTable cpuid,
    List<Integer> msrs,
    Map<Integer, Long> featureMsrs,
    Map<String, Integer> stateSizes) {
  /** IA32_ARCH_CAPABILITIES (Intel SDM 4, table 2-2). */
  public static final int MSR_ARCH_CAPABILITIES = 0x10a;

  private static final int LEAF_ADDRESSES = 0x80000008;

  /** Where a processor does not say it (Intel SDM 2A, CPUID). */
  private static final int LEAST_ADDRESS_BITS = 36;

  /** Takes immutable copies, which keep their order. */
  public CpuProfile {
    msrs = List.copyOf(msrs);
    featureMsrs = Collections.unmodifiableMap(new LinkedHashMap<>(featureMsrs));
    stateSizes = Collections.unmodifiableMap(new LinkedHashMap<>(stateSizes));
  }

  /**
   * Returns this profile with caches of level 3 that vCPUs share ({@link
   * GuestCpuid#withSharedCaches}).
   *
   * @param vcpus how many neighbours share a cache, a power of 2
   */
  public CpuProfile withSharedCaches(int vcpus) {
    CpuidTable shared = GuestCpuid.withSharedCaches(cpuid, vcpus);
    return new CpuProfile(shared, msrs, featureMsrs, stateSizes);
  }

  /** Returns this profile with a feature that needs no more than its bit. */
  public CpuProfile with(CpuFeature feature) {
    CpuidEditor editor = new CpuidEditor(cpuid);
    editor.add(feature);
    return new CpuProfile(editor.table(), msrs, featureMsrs, stateSizes);
  }

  /** Returns the vendor's name of 12 characters, as {@code GenuineIntel}. */
  public String vendor() {
    return cpuid
        .find(0, 0)
        .map(
            e -> {
              ByteBuffer name = ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN);
              name.putInt(e.ebx()).putInt(e.edx()).putInt(e.ecx());
              return new String(name.array(), StandardCharsets.ISO_8859_1);
            })
        .orElse("");
  }

  /** Returns how many bits a physical address has in a table: MAXPHYADDR. */
  public static int physicalAddressBits(CpuidTable cpuid) {
    return cpuid.find(LEAF_ADDRESSES, 0).map(e -> e.eax() & 0xff).orElse(LEAST_ADDRESS_BITS);
  }

  /** Returns how many bits a physical address has: MAXPHYADDR. */
  public int physicalAddressBits() {
    return physicalAddressBits(cpuid);
  }
}
