package dev.ballast.vmm.machine;

import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.vmm.memory.GuestNode;
import java.util.Collections;
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
public record Placement(List<GuestNode> nodes, Map<Integer, NumberSet> affinity) {
  /** Leaves everything to the host. */
  public static final Placement NONE = new Placement(List.of(), Map.of());

  public Placement {
    nodes = List.copyOf(nodes);
    affinity = Collections.unmodifiableMap(new TreeMap<>(affinity));
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
    if (!affinity.isEmpty()) {
      checkVcpus("vCPU affinity", new NumberSet(List.copyOf(affinity.keySet())), vcpus);
    }
    if (nodes.isEmpty()) {
      return;
    }
    NumberSet placed = NumberSet.NONE;
    long sum = 0;
    for (GuestNode node : nodes) {
      if (node.bytes() <= 0 || node.bytes() % unit != 0) {
        throw new IllegalArgumentException(
            "NUMA node of %d bytes: must be a multiple of %d MiB"
                .formatted(node.bytes(), unit >> 20));
      }
      checkVcpus("NUMA node", node.vcpus(), vcpus);
      NumberSet twice = node.vcpus().and(placed);
      if (!twice.isEmpty()) {
        throw new IllegalArgumentException("vCPU " + twice + " is in more than one NUMA node");
      }
      placed = placed.plus(node.vcpus());
      sum = Math.addExact(sum, node.bytes());
    }
    NumberSet left = NumberSet.range(0, vcpus).minus(placed);
    if (!left.isEmpty()) {
      throw new IllegalArgumentException("vCPU " + left + " is in no NUMA node");
    }
    if (sum != bytes) {
      throw new IllegalArgumentException(
          "NUMA nodes have %d MiB together, the machine has %d MiB"
              .formatted(sum >> 20, bytes >> 20));
    }
  }

  /**
   * Returns how many vCPUs with neighbouring numbers share a cache, a power of 2: as many as all
   * are in one node, or all of them without nodes.
   *
   * @param vcpus how many the machine has
   */
  int vcpusOfCache(int vcpus) {
    int most = Integer.highestOneBit(Math.max(1, 2 * vcpus - 1));
    while (most > 1 && !isUndivided(most, vcpus)) {
      most /= 2;
    }
    return most;
  }

  private boolean isUndivided(int neighbours, int vcpus) {
    for (int first = 0; first < vcpus; first += neighbours) {
      NumberSet group = NumberSet.range(first, Math.min(vcpus, first + neighbours));
      for (GuestNode node : nodes) {
        NumberSet here = node.vcpus().and(group);
        if (!here.isEmpty() && !here.equals(group)) {
          return false;
        }
      }
    }
    return true;
  }

  private static void checkVcpus(String what, NumberSet named, int vcpus) {
    if (named.end() > vcpus) {
      throw new IllegalArgumentException(
          "%s names vCPU %s; there are 0 to %d".formatted(what, named, vcpus - 1));
    }
  }
}
