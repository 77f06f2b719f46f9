package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class CpuidTableTest {
  private static final CpuidTable.Entry LEAF = new CpuidTable.Entry(1, 0, 0, 1, 2, 3, 4);
  private static final CpuidTable.Entry SUBLEAF_0 =
      new CpuidTable.Entry(7, 0, CpuidTable.SIGNIFICANT_INDEX, 5, 6, 7, 8);
  private static final CpuidTable.Entry SUBLEAF_1 =
      new CpuidTable.Entry(7, 1, CpuidTable.SIGNIFICANT_INDEX, -1, 10, 11, 12);
  private static final CpuidTable TABLE = new CpuidTable(List.of(LEAF, SUBLEAF_0, SUBLEAF_1));

  @Test
  void indexMattersOnlyWhereTheEntrySaysSo() {
    assertThat(TABLE.find(1, 99)).contains(LEAF);
    assertThat(TABLE.find(7, 1)).contains(SUBLEAF_1);
    assertThat(TABLE.find(7, 2)).isEmpty();
    assertThat(TABLE.find(8, 0)).isEmpty();
  }
}
