package dev.ballast.vmm.acpi;

import java.util.List;

/** The System Locality Information Table: how far nodes are apart (ACPI 6.5 §5.2.17). */
final class Slit {
  private static final int REVISION = 1;

  private Slit() {}

  static byte[] build(NumaTopology numa) {
    TableWriter out = TableWriter.withHeader("SLIT", REVISION);
    out.u64(numa.nodes().size());
    for (List<Integer> row : numa.distances()) {
      row.forEach(out::u8);
    }
    return out.finish();
  }
}
