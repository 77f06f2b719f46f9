package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.linux.NumberSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The messages about a pool that does not suffice. */
class HugePagePoolTest {
  private static final long GIB = 1L << 30;

  @TempDir Path pools;

  private Path pool(String name, int size, int free, int reserved, int overcommit, int surplus)
      throws IOException {
    Path pool = Files.createDirectory(pools.resolve(name));
    Files.writeString(pool.resolve("nr_hugepages"), size + "\n");
    Files.writeString(pool.resolve("free_hugepages"), free + "\n");
    Files.writeString(pool.resolve("resv_hugepages"), reserved + "\n");
    Files.writeString(pool.resolve("nr_overcommit_hugepages"), overcommit + "\n");
    Files.writeString(pool.resolve("surplus_hugepages"), surplus + "\n");
    return pool;
  }

  @Test
  void saysWhatIsFreeAndHowToHaveMore() throws IOException {
    Path pool = pool("hugepages-2048kB", 600, 520, 8, 0, 0);
    HugePagePool pages = new HugePagePool(pools, pools, HostPages.HUGE_2M);
    assertThatCode(() -> pages.require(GIB)).doesNotThrowAnyException();
    assertThatThrownBy(() -> pages.require(2 * GIB))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "guest memory needs 1024 huge pages of 2 MiB, this host has 512 free;"
                + " as root: echo 1112 > "
                + pool
                + "/nr_hugepages");
  }

  @Test
  void countsPagesThatTheKernelMakesOnDemand() throws IOException {
    pool("hugepages-1048576kB", 1, 0, 0, 5, 2);
    HugePagePool pages = new HugePagePool(pools, pools, HostPages.HUGE_1G);
    assertThatCode(() -> pages.require(3 * GIB)).doesNotThrowAnyException();
    assertThatThrownBy(() -> pages.require(4 * GIB))
        .hasMessageContaining("needs 4 huge pages of 1 GiB, this host has 3 free");
  }

  @Test
  void aGuestThatIsBoundToNodesNeedsThePagesThere() throws IOException {
    for (int node = 0; node < 3; node++) {
      Path pool = pools.resolve("node" + node + "/hugepages/hugepages-1048576kB");
      Files.createDirectories(pool);
      Files.writeString(pool.resolve("nr_hugepages"), "4\n");
      Files.writeString(pool.resolve("free_hugepages"), node + "\n");
    }
    HugePagePool pages = new HugePagePool(pools, pools, HostPages.HUGE_1G);
    assertThatCode(() -> pages.requireOn(NumberSet.parse("1-2"), 3 * GIB))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> pages.requireOn(NumberSet.parse("0-1"), 3 * GIB))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "guest memory needs 3 huge pages of 1 GiB on node 0-1 of the host, which has 1 free; as"
                + " root: echo 6 > "
                + pools
                + "/node0/hugepages/hugepages-1048576kB/nr_hugepages");
  }

  @Test
  void namesASizeThatTheHostDoesNotHave() {
    assertThatThrownBy(() -> new HugePagePool(pools, pools, HostPages.HUGE_1G).require(GIB))
        .isInstanceOf(IOException.class)
        .hasMessage("this host has no huge pages of 1 GiB");
  }
}
