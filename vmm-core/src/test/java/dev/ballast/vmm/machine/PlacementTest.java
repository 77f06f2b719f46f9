package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ballast.ffi.linux.NumaPolicy;
import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.vmm.memory.GuestNode;
import dev.ballast.vmm.memory.HostNodes;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What fits a machine, and what the guest and the host are told. */
class PlacementTest {
  private static final long MIB = 1 << 20;
  private static final long UNIT = 2 * MIB;

  private static GuestNode node(String vcpus, long mib, String hostNodes) {
    return new GuestNode(
        NumberSet.parse(vcpus),
        mib * MIB,
        hostNodes.isEmpty()
            ? Optional.empty()
            : Optional.of(new NumaPolicy(NumaPolicy.Mode.INTERLEAVE, NumberSet.parse(hostNodes))));
  }

  private static Placement of(GuestNode... nodes) {
    return new Placement(List.of(nodes), Map.of());
  }

  private static void refuses(Placement placement, String message) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> placement.check(4, 256 * MIB, UNIT))
        .withMessage(message);
  }

  @Test
  void nodesThatMakeUpTheMachineFit() {
    Placement placement = of(node("0-1", 64, "0"), node("", 64, ""), node("2-3", 128, "1-2"));
    assertThatCode(() -> placement.check(4, 256 * MIB, UNIT)).doesNotThrowAnyException();
    assertThatCode(() -> Placement.NONE.check(4, 256 * MIB, UNIT)).doesNotThrowAnyException();
  }

  /** Linux takes a cache across nodes for a broken topology. */
  @Test
  void cachesAreSharedWithinNodesOnly() {
    assertThat(Placement.NONE.vcpusOfCache(1)).isEqualTo(1);
    assertThat(Placement.NONE.vcpusOfCache(6)).isEqualTo(8);
    assertThat(Placement.NONE.vcpusOfCache(240)).isEqualTo(256);
    assertThat(of(node("0-3", 64, ""), node("4-7", 64, "")).vcpusOfCache(8)).isEqualTo(4);
    assertThat(of(node("0-119", 64, ""), node("120-239", 64, "")).vcpusOfCache(240)).isEqualTo(8);
    assertThat(of(node("0-2", 64, ""), node("3-5", 64, "")).vcpusOfCache(6)).isEqualTo(1);
    assertThat(of(node("0,2", 64, ""), node("1,3", 64, "")).vcpusOfCache(4)).isEqualTo(1);
    assertThat(of(node("", 64, ""), node("0-3", 64, "")).vcpusOfCache(4)).isEqualTo(4);
  }

  @Test
  void othersAreNamed() {
    refuses(
        of(node("0-3", 64, ""), node("", 64, "")),
        "NUMA nodes have 128 MiB together, the machine has 256 MiB");
    refuses(of(node("0-1", 256, "")), "vCPU 2-3 is in no NUMA node");
    refuses(
        of(node("0-2", 128, ""), node("1-3", 128, "")), "vCPU 1-2 is in more than one NUMA node");
    refuses(of(node("0-7", 256, "")), "NUMA node names vCPU 0-7; there are 0 to 3");
    refuses(
        of(node("0-3", 255, ""), node("", 1, "")),
        "NUMA node of 267386880 bytes: must be a multiple of 2 MiB");
    refuses(
        new Placement(List.of(), Map.of(1, NumberSet.NONE, 4, NumberSet.NONE)),
        "vCPU affinity names vCPU 1,4; there are 0 to 3");
  }

  private static HostNodes host(long... mib) {
    return new HostNodes(
        IntStream.range(0, mib.length)
            .mapToObj(
                i ->
                    new HostNodes.Node(
                        i,
                        mib[i] * MIB,
                        NumberSet.NONE,
                        IntStream.range(0, mib.length)
                            .mapToObj(j -> i == j ? 10 : 15 + 10 * Math.abs(i - j))
                            .toList()))
            .toList());
  }

  @Test
  void whatNoNodeCanHoldIsInterleavedOverAllThatHaveMemory() {
    HostNodes host = host(512, 0, 1024, 512);
    assertThat(HostPlacement.unasked(1024 * MIB, host)).isEmpty();
    NumaPolicy policy = HostPlacement.unasked(1026 * MIB, host).orElseThrow();
    assertThat(policy.mode()).isEqualTo(NumaPolicy.Mode.INTERLEAVE);
    assertThat(policy.nodes()).isEqualTo(NumberSet.of(0, 2, 3));
    assertThat(HostPlacement.unasked(1L << 50, host(512))).isEmpty();
    assertThat(HostPlacement.unasked(1L << 50, host(512, 0))).isEmpty();
    assertThat(HostPlacement.unasked(1L << 50, host())).isEmpty();
  }

  @Test
  void nodesOnOneHostNodeEachAreAsFarApartAsThose() {
    List<GuestNode> nodes =
        List.of(node("0", 64, "0"), node("1", 64, "2"), node("2", 64, "2"), node("3", 64, "0-1"));
    assertThat(HostPlacement.distances(nodes, host(512, 512, 512)))
        .containsExactly(
            List.of(10, 35, 35, 20),
            List.of(35, 10, 11, 20),
            List.of(35, 11, 10, 20),
            List.of(20, 20, 20, 10));
  }
}
