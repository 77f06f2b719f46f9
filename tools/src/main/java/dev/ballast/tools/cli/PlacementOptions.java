package dev.ballast.tools.cli;

import dev.ballast.ffi.linux.NumaPolicy;
import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.tools.host.HostSystem;
import dev.ballast.vmm.machine.Placement;
import dev.ballast.vmm.memory.GuestNode;
import dev.ballast.vmm.memory.HostNodes;
import dev.ballast.vmm.memory.RamConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import picocli.CommandLine.Option;

/**
 * Options about what a machine takes of the host: its memory, and where that and its vCPUs are.
 * Every method throws {@link IllegalArgumentException}, with a message for the user, for options
 * that do not go together or do not suit this host.
 */
final class PlacementOptions {
  @Option(
      names = "--memory",
      paramLabel = "SIZE[,hugepages=2M|1G]",
      defaultValue = "512M",
      converter = MemoryOption.Converter.class,
      description =
          "Guest memory, at least 64M, for instance 1G; units K, M, G, T. With hugepages it is made"
              + " of huge pages out of the host's pool; the balloon gives one back when all its"
              + " parts are in it (default: ${DEFAULT-VALUE}).")
  private MemoryOption memory;

  @Option(
      names = "--memory-backend",
      paramLabel = "KEY=VALUE,...",
      converter = MemoryBackendOption.Converter.class,
      description =
          "type=anonymous|memfd: private memory, or a memory file;"
              + " reserve=on|off: whether to fail at the start if the host lacks memory for all of"
              + " it; huge-pages=on|off: ask for transparent huge pages, or have none"
              + " (default: type=anonymous,reserve=off,huge-pages=on; with hugepages"
              + " type=memfd,reserve=on).")
  private MemoryBackendOption memoryBackend = MemoryBackendOption.NONE;

  @Option(
      names = "--numa",
      paramLabel = "node,KEY=VALUE,...",
      converter = NumaOption.Converter.class,
      description =
          "A NUMA node of the guest; give it once for each. memory=SIZE of --memory; cpus=0-3 of"
              + " --cpus, may be repeated; host-nodes=0-1 the host's nodes that the memory comes"
              + " from; policy=bind|preferred|interleave, bind unless given (default: no nodes; a"
              + " guest larger than the host's largest node is interleaved over all).")
  private List<GuestNode> nodes = new ArrayList<>();

  @Option(
      names = "--vcpu-affinity",
      paramLabel = "VCPUS=HOSTCPUS,...",
      converter = VcpuAffinityOption.Converter.class,
      description =
          "The host's CPUs on which vCPUs may run, for instance 0-3=8-11,4=12; what is given for"
              + " the same vCPU adds up (default: all that this process may use).")
  private List<VcpuAffinityOption> affinities = new ArrayList<>();

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  PlacementOptions() {}

  /**
   * Returns what guest RAM is made of.
   *
   * @throws IOException if the host has not enough memory for it
   */
  RamConfig ram() throws IOException {
    RamConfig ram = memoryBackend.with(memory);
    if (ram.reserve() && !ram.pages().pooled()) {
      long free = HostSystem.current().memory().availableBytes();
      if (ram.bytes() > free) {
        throw new IOException(
            "--memory %s: host has %s free; use --memory-backend reserve=off or less"
                .formatted(Units.bytes(ram.bytes()), Units.bytes(free)));
      }
    }
    return ram;
  }

  /**
   * Returns where the machine is to be on this host.
   *
   * @param vcpus how many it has
   * @param ram what its memory is made of
   * @throws IOException if the host cannot be looked at
   */
  Placement placement(int vcpus, RamConfig ram) throws IOException {
    if (nodes.isEmpty() && affinities.isEmpty()) {
      return Placement.NONE;
    }
    if (nodes.stream().anyMatch(node -> node.policy().isPresent())) {
      NumberSet there = HostNodes.current().withMemory();
      nodes.forEach(node -> node.policy().ifPresent(policy -> checkNodes(policy, there)));
    }
    Map<Integer, NumberSet> affinity = new TreeMap<>();
    for (VcpuAffinityOption option : affinities) {
      option.hostCpus().forEach((vcpu, cpus) -> affinity.merge(vcpu, cpus, NumberSet::plus));
    }
    if (!affinity.isEmpty()) {
      NumberSet online = HostSystem.current().onlineCpus();
      affinity.values().forEach(cpus -> checkCpus(cpus, online));
    }
    Placement placement = new Placement(nodes, affinity);
    placement.check(vcpus, ram.bytes(), ram.unit());
    return placement;
  }

  private static void checkNodes(NumaPolicy policy, NumberSet there) {
    NumberSet missing = policy.nodes().minus(there);
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException(
          "--numa host-nodes: %s is no node of this host with memory; there are %s"
              .formatted(missing, there));
    }
  }

  private static void checkCpus(NumberSet wanted, NumberSet online) {
    NumberSet missing = wanted.minus(online);
    if (!missing.isEmpty()) {
      throw new IllegalArgumentException(
          "--vcpu-affinity: host CPU %s is not online; online are %s".formatted(missing, online));
    }
  }
}
