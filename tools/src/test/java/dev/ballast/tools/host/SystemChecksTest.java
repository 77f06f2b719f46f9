package dev.ballast.tools.host;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.vmm.memory.HostNodes;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What doctor says of a host's memory. */
class SystemChecksTest {
  private static Finding transparent(String choices, String maxHoles) {
    return SystemChecks.transparentHugePages(Optional.of(choices), Optional.of(maxHoles));
  }

  @ParameterizedTest
  @ValueSource(strings = {"[always] madvise never", "always [madvise] never"})
  void hugePagesThatAreMadeOfHolesGiveABalloonBack(String choices) {
    assertThat(transparent(choices, "0").level()).isEqualTo(Finding.Level.OK);
    Finding finding = transparent(choices, "511");
    assertThat(finding.level()).isEqualTo(Finding.Level.WARN);
    assertThat(finding.summary()).contains("up to 511 gaps");
    assertThat(finding.wayOut())
        .contains("as root: echo 0 > /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none");
  }

  @Test
  void aHostWithoutHugePagesIsSlower() {
    Finding finding = transparent("always madvise [never]", "511");
    assertThat(finding.level()).isEqualTo(Finding.Level.WARN);
    assertThat(finding.wayOut())
        .contains("as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
    assertThat(SystemChecks.transparentHugePages(Optional.empty(), Optional.empty()).level())
        .isEqualTo(Finding.Level.OK);
  }

  @Test
  void nodesAreListed() {
    HostNodes.Node first =
        new HostNodes.Node(0, 256L << 30, NumberSet.parse("0-19,40-59"), List.of(10, 21));
    HostNodes.Node second = new HostNodes.Node(1, 0, NumberSet.parse("20-39"), List.of(21, 10));
    assertThat(SystemChecks.nodes(new HostNodes(List.of(first, second))).summary())
        .isEqualTo("0: 262144 MiB, CPUs 0-19,40-59; 1: 0 MiB, CPUs 20-39");
    assertThat(SystemChecks.nodes(new HostNodes(List.of(first))).summary()).isEqualTo("one");
    assertThat(SystemChecks.nodes(new HostNodes(List.of())).summary()).isEqualTo("one");
  }
}
