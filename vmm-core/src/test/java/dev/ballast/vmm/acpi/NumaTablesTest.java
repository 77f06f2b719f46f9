package dev.ballast.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.vmm.memory.MemoryRegion;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** SRAT and SLIT, byte by byte. */
class NumaTablesTest {
  private static final long GIB = 1L << 30;
  private static final int SRAT_HEADER = 48;

  private static ParsedTables tables(int vcpus, NumaTopology numa) {
    return new ParsedTables(
        AcpiTables.build(AcpiFixtures.config(vcpus, 0, numa), AcpiFixtures.BASE));
  }

  private static List<String> entries(ByteBuffer srat) {
    List<String> entries = new ArrayList<>();
    for (int at = SRAT_HEADER; at < srat.limit(); at += srat.get(at + 1)) {
      byte[] entry = new byte[srat.get(at + 1)];
      srat.get(at, entry);
      entries.add(HexFormat.ofDelimiter(" ").formatHex(entry));
    }
    return entries;
  }

  @Test
  void aMachineWithoutNodesHasNeither() {
    assertThat(tables(2, NumaTopology.NONE).tables()).doesNotContainKeys("SRAT", "SLIT");
  }

  @Test
  void processorsAndMemoryAreInTheirNodes() {
    ByteBuffer srat = tables(3, NumaTables.halves(3, 5 * GIB)).table("SRAT");
    assertThat(srat.get(8)).as("revision").isEqualTo((byte) 3);
    assertThat(srat.getInt(36)).as("reserved, for compatibility").isEqualTo(1);
    assertThat(entries(srat))
        .containsExactly(
            "00 10 00 00 01 00 00 00 00 00 00 00 00 00 00 00",
            "01 28 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 c0 00 00 00 00"
                + " 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00",
            "00 10 01 01 01 00 00 00 00 00 00 00 00 00 00 00",
            "00 10 01 02 01 00 00 00 00 00 00 00 00 00 00 00",
            "01 28 01 00 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 80 00 00 00 00"
                + " 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00");
  }

  /** 255 is not an id in an 8-bit field but all processors. */
  @Test
  void idsFrom255OnTakeTheOtherStructure() {
    NumberSet vcpus = NumberSet.range(254, 257);
    NumaTopology numa =
        new NumaTopology(
            List.of(new NumaTopology.Node(vcpus, List.of(new MemoryRegion(0, GIB, 0)))),
            List.of(List.of(10)));
    ByteBuffer srat = ByteBuffer.wrap(Srat.build(numa));
    assertThat(entries(srat).subList(0, 3))
        .containsExactly(
            "00 10 00 fe 01 00 00 00 00 00 00 00 00 00 00 00",
            "02 18 00 00 00 00 00 00 ff 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00",
            "02 18 00 00 00 00 00 00 00 01 00 00 01 00 00 00 00 00 00 00 00 00 00 00");
  }

  @Test
  void distancesAreRowByRow() {
    ByteBuffer slit = tables(2, NumaTables.halves(2, 4 * GIB)).table("SLIT");
    assertThat(slit.limit()).isEqualTo(48);
    assertThat(slit.getLong(36)).isEqualTo(2);
    byte[] matrix = new byte[4];
    slit.get(44, matrix);
    assertThat(matrix).containsExactly(10, 21, 32, 10);
  }

  /** Linux ignores the whole table then. */
  @Test
  void distancesThatCannotBeAreRefused() {
    NumaTopology good = NumaTables.halves(2, 4 * GIB);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new NumaTopology(good.nodes(), List.of(List.of(10, 10), List.of(20, 10))))
        .withMessage("the distance from node 0 to node 1 is 10");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> new NumaTopology(good.nodes(), List.of(List.of(10, 20), List.of(20, 11))));
  }
}
