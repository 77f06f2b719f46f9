package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;

/** How far guest physical addresses reach on this host (Intel SDM 2A CPUID; AMD APM 3, E.4.7). */
final class PhysicalAddressLimit {
  private static final int LEAF = 0x80000008;

  /** What a processor without the leaf has. */
  private static final int LEAST_BITS = 36;

  private PhysicalAddressLimit() {}

  /**
   * Returns how many bits a guest physical address has.
   *
   * @param supported what KVM supports on this host (KVM_GET_SUPPORTED_CPUID)
   */
  static int bits(CpuidTable supported) {
    int eax = LEAST_BITS;
    for (CpuidTable.Entry entry : supported.entries()) {
      eax = entry.function() == LEAF ? entry.eax() : eax;
    }
    int bits = eax & 0xff;
    // What nested paging can translate, where that is less (Linux 6.9).
    int translated = (eax >>> 16) & 0xff;
    return translated == 0 ? bits : Math.min(bits, translated);
  }

  /**
   * Checks that guest RAM ends below the limit.
   *
   * @param supported what KVM supports on this host
   * @param bytes the size of guest RAM
   * @throws IOException if not, with a message for the user
   */
  static void check(CpuidTable supported, long bytes) throws IOException {
    int bits = bits(supported);
    long end = GuestMemory.layOut(bytes).getLast().guestEnd();
    int needed = Long.SIZE - Long.numberOfLeadingZeros(end - 1);
    if (needed > bits) {
      throw new IOException(
          "guest memory of %d MiB ends at address 0x%x, which takes %d bits; guests have %d on this"
                  .formatted(bytes >> 20, end, needed, bits)
              + " host: the most that fits is %d GiB".formatted(largest(bits) >> 30));
    }
  }

  private static long largest(int bits) {
    long limit = 1L << bits;
    return limit <= AddressMap.HIGH_RAM
        ? Math.min(limit, AddressMap.MMIO_HOLE)
        : limit - (AddressMap.HIGH_RAM - AddressMap.MMIO_HOLE);
  }
}
