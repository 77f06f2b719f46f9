package dev.ballast.vmm.acpi;

import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.vmm.memory.MemoryRegion;
import java.util.List;

/**
 * Which processors and memory are near to each other. A proximity domain is the index of a node.
 *
 * @param nodes the nodes; empty for a machine without NUMA
 * @param distances from each node to each; 10 is a node's own, others are 11 to 254
 */
public record NumaTopology(List<Node> nodes, List<List<Integer>> distances) {
  /** A machine without NUMA. */
  public static final NumaTopology NONE = new NumaTopology(List.of(), List.of());

  /** From a node to itself. */
  public static final int LOCAL = 10;

  /** What another node is where nothing else is known. */
  public static final int REMOTE = 20;

  /** The farthest that can still be reached. */
  public static final int MAX = 254;

  /**
   * A node.
   *
   * @param vcpus its processors
   * @param memory its guest physical addresses
   */
  public record Node(NumberSet vcpus, List<MemoryRegion> memory) {
    public Node {
      memory = List.copyOf(memory);
    }
  }

  /** Checks the distances. */
  public NumaTopology {
    nodes = List.copyOf(nodes);
    distances = List.copyOf(distances);
    for (int from = 0; from < nodes.size(); from++) {
      for (int to = 0; to < nodes.size(); to++) {
        int distance = distances.get(from).get(to);
        boolean right = from == to ? distance == LOCAL : distance > LOCAL && distance <= MAX;
        if (!right) {
          throw new IllegalArgumentException(
              "the distance from node %d to node %d is %d".formatted(from, to, distance));
        }
      }
    }
  }
}
