package dev.ballast.tools.benchmark;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ScoreTableTest {
  @Test
  void oursStandsBesideItsPeersAndFasterIsMore() {
    ScoreTable table =
        new ScoreTable(
            List.of(
                new Score("Scan", "limitRead", 8, 0.5, "ops/ns"),
                new Score("Call", "bindings", 50, 1, "ns/op"),
                new Score("Scan", "next", 6, 0.25, "ops/ns"),
                new Score("Call", "peerJna", 200, 1, "ns/op")));
    assertThat(table.text())
        .isEqualTo(
            """
            Scan
              next                     6.00 ± 0.25     GB/s       0.75 x limitRead
              limitRead                8.00 ± 0.50     GB/s

            Call
              bindings                50.00 ± 1.00     ns         4.00 x peerJna
              peerJna                200.00 ± 1.00     ns
            """);
  }
}
