package dev.ballast.vmm.acpi;

import dev.ballast.vmm.memory.MemoryRegion;

/**
 * The System Resource Affinity Table: in which NUMA node processors and memory are (ACPI 6.5
 * §5.2.16).
 */
final class Srat {
  private static final int REVISION = 3;

  private static final int LOCAL_APIC_AFFINITY = 0;
  private static final int MEMORY_AFFINITY = 1;
  private static final int LOCAL_X2APIC_AFFINITY = 2;

  private static final int ENABLED = 1;

  /** The first APIC id that does not fit into 8 bits: 255 is all processors. */
  private static final int FIRST_X2APIC_ID = 255;

  private Srat() {}

  static byte[] build(NumaTopology numa) {
    TableWriter out = TableWriter.withHeader("SRAT", REVISION);
    out.u32(1).zeros(8);
    for (int domain = 0; domain < numa.nodes().size(); domain++) {
      NumaTopology.Node node = numa.nodes().get(domain);
      for (int id : node.vcpus().numbers()) {
        processor(out, domain, id);
      }
      for (MemoryRegion region : node.memory()) {
        memory(out, domain, region);
      }
    }
    return out.finish();
  }

  /** The APIC id of a vCPU is its number. */
  private static void processor(TableWriter out, int domain, int id) {
    if (id < FIRST_X2APIC_ID) {
      out.u8(LOCAL_APIC_AFFINITY).u8(16).u8(domain & 0xff).u8(id).u32(ENABLED);
      // The rest of the domain, and no clock domain.
      out.u8(0).u8(domain >>> 8 & 0xff).u8(domain >>> 16).u8(0).u32(0);
    } else {
      out.u8(LOCAL_X2APIC_AFFINITY).u8(24).u16(0).u32(domain).u32(id).u32(ENABLED);
      out.u32(0).u32(0);
    }
  }

  private static void memory(TableWriter out, int domain, MemoryRegion region) {
    out.u8(MEMORY_AFFINITY).u8(40).u32(domain).u16(0);
    out.u64(region.guestAddress()).u64(region.size()).u32(0).u32(ENABLED).u64(0);
  }
}
