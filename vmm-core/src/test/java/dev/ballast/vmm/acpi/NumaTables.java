package dev.ballast.vmm.acpi;

import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.MemoryRegion;
import java.util.List;

/** Topologies of the tests. */
final class NumaTables {
  private NumaTables() {}

  /** Returns two nodes that have half of the processors each, the first all memory below 4 GiB. */
  static NumaTopology halves(int vcpus, long bytes) {
    List<MemoryRegion> regions = GuestMemory.layOut(bytes);
    NumberSet first = NumberSet.range(0, vcpus / 2);
    NumberSet second = NumberSet.range(vcpus / 2, vcpus);
    return new NumaTopology(
        List.of(
            new NumaTopology.Node(first, List.of(regions.getFirst())),
            new NumaTopology.Node(second, List.of(regions.getLast()))),
        List.of(List.of(10, 21), List.of(32, 10)));
  }
}
