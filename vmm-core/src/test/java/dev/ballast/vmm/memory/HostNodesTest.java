package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.StringJoiner;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Trees of sysfs as hosts of several kinds have them. */
class HostNodesTest {
  private static final long KIB = 1 << 10;

  @TempDir Path sysfs;

  @BeforeEach
  void hasOtherFiles() throws IOException {
    Files.writeString(sysfs.resolve("possible"), "0-63\n");
    Files.writeString(sysfs.resolve("has_cpu"), "0\n");
  }

  private void online(String list) throws IOException {
    Files.writeString(sysfs.resolve("online"), list + "\n");
  }

  private void node(int number, long memTotal, String cpus, String distances) throws IOException {
    Path node = Files.createDirectory(sysfs.resolve("node" + number));
    String meminfo =
        """

        Node %1$d MemTotal:       %2$d kB
        Node %1$d MemFree:        %3$d kB
        Node %1$d MemUsed:          123456 kB
        Node %1$d SwapCached:            0 kB
        Node %1$d HugePages_Total:     0
        """
            .formatted(number, memTotal, memTotal / 2);
    Files.writeString(node.resolve("meminfo"), meminfo);
    Files.writeString(node.resolve("cpulist"), cpus + "\n");
    Files.writeString(node.resolve("distance"), distances + "\n");
  }

  @Test
  void oneNode() throws IOException {
    online("0");
    node(0, 24_637_240, "0-1", "10");
    HostNodes host = HostNodes.read(sysfs);
    assertThat(host.nodes())
        .singleElement()
        .satisfies(
            node -> {
              assertThat(node.bytes()).isEqualTo(24_637_240 * KIB);
              assertThat(node.cpus()).hasToString("0-1");
            });
    assertThat(host.distance(0, 0)).contains(10);
    assertThat(host.distance(0, 1)).isEmpty();
  }

  @Test
  void twoSocketsWithHyperthreads() throws IOException {
    online("0-1");
    node(0, 263_856_620, "0-19,40-59", "10 21");
    node(1, 264_237_104, "20-39,60-79", "21 10");
    HostNodes host = HostNodes.read(sysfs);
    assertThat(host.withMemory()).hasToString("0-1");
    assertThat(host.largest()).isEqualTo(264_237_104 * KIB);
    assertThat(host.distance(1, 0)).contains(21);
    assertThat(host.nodes().get(1).cpus().size()).isEqualTo(40);
  }

  /** Four chassis of four sockets: two steps of distance. */
  @Test
  void sixteenNodesOfASuperdome() throws IOException {
    online("0-15");
    for (int node = 0; node < 16; node++) {
      StringJoiner distances = new StringJoiner(" ");
      for (int other = 0; other < 16; other++) {
        distances.add(node == other ? "10" : node / 4 == other / 4 ? "16" : "19");
      }
      String cpus = "%d-%d".formatted(node * 28, node * 28 + 27);
      node(node, 792_485_836, cpus, distances.toString());
    }
    HostNodes host = HostNodes.read(sysfs);
    assertThat(host.withMemory().size()).isEqualTo(16);
    assertThat(host.distance(5, 6)).contains(16);
    assertThat(host.distance(15, 0)).contains(19);
    assertThat(host.nodes().get(15).cpus()).hasToString("420-447");
  }

  /** Memory that hangs at no socket, processors without memory, and a number that is missing. */
  @Test
  void nodesWithoutProcessorsOrMemory() throws IOException {
    online("0,2-3");
    node(0, 131_072_000, "0-31", "10 20 40");
    node(2, 0, "32-63", "20 10 40");
    node(3, 524_288_000, "", "40 40 10");
    HostNodes host = HostNodes.read(sysfs);
    assertThat(host.numbers()).hasToString("0,2-3");
    assertThat(host.withMemory()).hasToString("0,3");
    assertThat(host.nodes().get(2).cpus().isEmpty()).isTrue();
    assertThat(host.distance(0, 3)).contains(40);
    assertThat(host.distance(2, 0)).contains(20);
    assertThat(host.distance(1, 0)).isEmpty();
  }

  @Test
  void aKernelWithoutNumaHasNone() throws IOException {
    assertThat(HostNodes.read(sysfs.resolve("nothing")).nodes()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"0|false", "7|false", "0-1|true", "0,3|true", "2-5,8|true"})
  void severalNodesWithMemoryAreSeenAtOnce(String list, boolean several) throws IOException {
    assertThat(HostNodes.several(sysfs)).as("a kernel without NUMA").isFalse();
    Files.writeString(sysfs.resolve("has_memory"), list + "\n");
    assertThat(HostNodes.several(sysfs)).isEqualTo(several);
  }

  @Test
  void whatIsNoTreeIsNamed() throws IOException {
    online("0");
    node(0, 1000, "0-x", "10");
    assertThatThrownBy(() -> HostNodes.read(sysfs))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("node0/cpulist: '0-x'");
    Files.writeString(sysfs.resolve("node0/cpulist"), "0\n");
    Files.writeString(sysfs.resolve("node0/distance"), "10 20\n");
    assertThatThrownBy(() -> HostNodes.read(sysfs)).hasMessageContaining("expected 1 distances");
    Files.writeString(sysfs.resolve("node0/meminfo"), "nothing\n");
    assertThatThrownBy(() -> HostNodes.read(sysfs)).hasMessageContaining("MemTotal");
  }

  @Test
  void thisHostCanBeRead() throws IOException {
    HostNodes host = HostNodes.current();
    for (HostNodes.Node node : host.nodes()) {
      assertThat(host.distance(node.number(), node.number())).contains(10);
    }
    assertThat(HostNodes.several()).isEqualTo(host.withMemory().size() > 1);
  }
}
