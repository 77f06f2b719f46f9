package dev.ballast.vmm.machine;

import dev.ballast.ffi.linux.NumaPolicy;
import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.ffi.linux.ThreadAffinity;
import dev.ballast.vmm.acpi.NumaTopology;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.GuestNode;
import dev.ballast.vmm.memory.HostNodes;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Carries a {@link Placement} out. */
final class HostPlacement {
  private static final Logger log = LoggerFactory.getLogger(HostPlacement.class);

  private HostPlacement() {}

  /**
   * Says from which nodes of the host guest RAM comes. Call it before RAM is touched.
   *
   * @param ram what {@code memory} is made of
   * @throws IOException if the kernel refuses, or a pool of huge pages is too small on its nodes
   */
  static void placeMemory(Placement placement, RamConfig ram, GuestMemory memory)
      throws IOException {
    if (placement.nodes().isEmpty()) {
      spread(memory);
      return;
    }
    long offset = 0;
    for (GuestNode node : placement.nodes()) {
      if (node.policy().isPresent()) {
        NumaPolicy policy = node.policy().get();
        if (policy.mode() == NumaPolicy.Mode.BIND) {
          ram.requirePool(policy.nodes(), node.bytes());
        }
        policy.apply(memory.ram(), offset, node.bytes());
      }
      offset += node.bytes();
    }
  }

  /**
   * Interleaves RAM that no node can hold. Else it would fill one node after the other as it is
   * touched; that of a guest which arrives by migration from the node where it is received on.
   */
  private static void spread(GuestMemory memory) {
    try {
      if (!HostNodes.several() || NumaPolicy.isSetForThread()) {
        return;
      }
      Optional<NumaPolicy> policy = unasked(memory.size(), HostNodes.current());
      if (policy.isPresent()) {
        policy.get().apply(memory.ram(), 0, memory.size());
      }
    } catch (IOException e) {
      // Containers may forbid it, or hide the nodes.
      log.warn("guest RAM is not interleaved over the host's nodes: {}", e.getMessage());
    }
  }

  /** Returns the policy for RAM of which nothing was said; empty if a node can hold it. */
  static Optional<NumaPolicy> unasked(long bytes, HostNodes host) {
    NumberSet nodes = host.withMemory();
    return nodes.size() < 2 || bytes <= host.largest()
        ? Optional.empty()
        : Optional.of(new NumaPolicy(NumaPolicy.Mode.INTERLEAVE, nodes));
  }

  /**
   * Pins vCPUs to processors of the host. Call it before they run.
   *
   * @param vcpus ordered by number, parked
   * @throws IOException if the process may use none of the processors
   */
  static void pin(Placement placement, List<VcpuThread> vcpus) throws IOException {
    for (Map.Entry<Integer, NumberSet> pinned : placement.affinity().entrySet()) {
      VcpuThread vcpu = vcpus.get(pinned.getKey());
      // It has its thread id then.
      vcpu.awaitParked();
      ThreadAffinity.set(vcpu.threadId(), pinned.getValue());
    }
  }

  /**
   * Returns what the guest is told of its nodes. Where two of them are each on one node of the
   * host, they are as far apart as those.
   */
  static NumaTopology topology(Placement placement, GuestMemory memory) throws IOException {
    if (placement.nodes().isEmpty()) {
      return NumaTopology.NONE;
    }
    List<NumaTopology.Node> nodes = new ArrayList<>();
    long offset = 0;
    for (GuestNode node : placement.nodes()) {
      nodes.add(new NumaTopology.Node(node.vcpus(), memory.regions(offset, node.bytes())));
      offset += node.bytes();
    }
    return new NumaTopology(nodes, distances(placement.nodes(), HostNodes.current()));
  }

  static List<List<Integer>> distances(List<GuestNode> nodes, HostNodes host) {
    List<List<Integer>> distances = new ArrayList<>();
    for (int from = 0; from < nodes.size(); from++) {
      List<Integer> row = new ArrayList<>();
      for (int to = 0; to < nodes.size(); to++) {
        row.add(from == to ? NumaTopology.LOCAL : distance(nodes.get(from), nodes.get(to), host));
      }
      distances.add(row);
    }
    return distances;
  }

  private static int distance(GuestNode from, GuestNode to, HostNodes host) {
    int start = onlyNode(from);
    int end = onlyNode(to);
    if (start < 0 || end < 0) {
      return NumaTopology.REMOTE;
    }
    int distance = host.distance(start, end).orElse(NumaTopology.REMOTE);
    // Two on the same node are not one: only a node itself may be local.
    return Math.clamp(distance, NumaTopology.LOCAL + 1, NumaTopology.MAX);
  }

  private static int onlyNode(GuestNode node) {
    return node.policy()
        .map(NumaPolicy::nodes)
        .filter(nodes -> nodes.size() == 1)
        .map(nodes -> nodes.numbers().getFirst())
        .orElse(-1);
  }
}
