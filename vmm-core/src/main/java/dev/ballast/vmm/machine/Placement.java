package dev.ballast.vmm.machine;

import dev.ballast.vmm.memory.GuestNode;
import dev.ballast.vmm.memory.NumberList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Where on the host a machine is, and the NUMA nodes that its guest sees.
 *
 * @param nodes the guest's NUMA nodes; empty for a guest without. Then RAM that is larger than the
 *     largest node of the host is interleaved over all that have memory, unless the process has a
 *     policy of its own (set_mempolicy(2), numactl(8))
 * @param affinity the host's processors on which a vCPU may run, by the vCPU's number; others run
 *     where the process may
 */
public record Placement(List<GuestNode> nodes, Map<Integer, BitSet> affinity) {
  /** Leaves everything to the host. */
  public static final Placement NONE = new Placement(List.of(), Map.of());

  public Placement {
    nodes = List.copyOf(nodes);
    affinity = new TreeMap<>(affinity);
  }

  /**
   * Checks that it fits a machine.
   *
   * @param vcpus how many the machine has
   * @param bytes of guest RAM
   * @param unit what the memory of each node has to be a multiple of, in bytes
   * @throws IllegalArgumentException if not, with a message for the user
   */
  public void check(int vcpus, long bytes, long unit) {
    BitSet pinned = new BitSet();
    affinity.keySet().forEach(pinned::set);
    checkVcpus("vCPU affinity", pinned, vcpus);
    if (nodes.isEmpty()) {
      return;
    }
    BitSet placed = new BitSet();
    long sum = 0;
    for (GuestNode node : nodes) {
      if (node.bytes() <= 0 || node.bytes() % unit != 0) {
        throw new IllegalArgumentException(
            "NUMA node of %d bytes: must be a multiple of %d MiB"
                .formatted(node.bytes(), unit >> 20));
      }
      checkVcpus("NUMA node", node.vcpus(), vcpus);
      BitSet twice = node.vcpus();
      twice.and(placed);
      if (!twice.isEmpty()) {
        throw new IllegalArgumentException(
            "vCPU " + NumberList.text(twice) + " is in more than one NUMA node");
      }
      placed.or(node.vcpus());
      sum = Math.addExact(sum, node.bytes());
    }
    if (placed.cardinality() < vcpus) {
      placed.flip(0, vcpus);
      throw new IllegalArgumentException("vCPU " + NumberList.text(placed) + " is in no NUMA node");
    }
    if (sum != bytes) {
      throw new IllegalArgumentException(
          "NUMA nodes have %d MiB together, the machine has %d MiB"
              .formatted(sum >> 20, bytes >> 20));
    }
  }

  private static void checkVcpus(String what, BitSet named, int vcpus) {
    if (named.length() > vcpus) {
      throw new IllegalArgumentException(
          "%s names vCPU %s; there are 0 to %d".formatted(what, NumberList.text(named), vcpus - 1));
    }
  }
}
