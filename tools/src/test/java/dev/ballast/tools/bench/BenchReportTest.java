package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.ballast.tools.report.JsonReport;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

class BenchReportTest {
  /** Returns what is read back from what is written. */
  private static JsonNode json(BenchReport report) throws IOException {
    return new ObjectMapper().readTree(JsonReport.of(report).toString());
  }

  private static JsonNode scenario(JsonNode json, String name) {
    for (JsonNode scenario : json.path("scenarios")) {
      if (scenario.path("name").asText().equals(name)) {
        return scenario;
      }
    }
    throw new AssertionError("no " + name + " in " + json);
  }

  @Test
  void everyScenarioHasItsFigures() throws IOException {
    JsonNode json = json(BenchFixtures.withEverything());
    assertThat(json.at("/host/kvm").asText()).isEqualTo("pagetable");
    assertThat(json.at("/peer/name").asText()).isEqualTo("QEMU");
    JsonNode touched = scenario(json, "touched");
    assertThat(touched.path("ballast").toString())
        .isEqualTo("{\"median\":500.0,\"min\":400.0,\"max\":700.0,\"unit\":\"ms\",\"count\":3}");
    assertThat(touched.path("peer").path("median").asDouble()).isEqualTo(5000);
    assertThat(touched.path("ratio").asDouble()).isEqualTo(0.1);
    assertThat(touched.path("target").asDouble()).isEqualTo(0.8);
    assertThat(touched.path("target_is").asText()).isEqualTo("at most");
    assertThat(touched.path("met").asBoolean()).isTrue();
    assertThat(touched.path("transferred_bytes").asLong()).isEqualTo(1 << 30);
    assertThat(touched.path("downtime_ms").asDouble()).isEqualTo(25);
    assertThat(touched.path("rss_bytes").asLong()).isEqualTo(1 << 28);
    // 1 GiB in half a second, where 4 GB a second are possible.
    assertThat(touched.path("physical_limit_ratio").asDouble()).isEqualTo((1 << 30) / 0.5 / 4e9);
    assertThat(scenario(json, "touched/bytes").at("/ballast/unit").asText()).isEqualTo("B");
    List<String> names = new ArrayList<>();
    json.path("scenarios").forEach(scenario -> names.add(scenario.path("name").asText()));
    assertThat(names).doesNotHaveDuplicates();
    assertThat(names).containsAll(Scenarios.all().stream().map(Scenario::name).toList());
    assertThat(json.path("took_s").asDouble()).isEqualTo(754);
    assertThat(json.at("/host/memcpy_bytes_per_second").asDouble()).isEqualTo(7e9);
  }

  @Test
  void whatIsNoMigrationHasNoneOfItsCosts() throws IOException {
    JsonNode json = json(BenchFixtures.withEverything());
    JsonNode inflate = scenario(json, "inflate");
    assertThat(inflate.at("/ballast/unit").asText()).isEqualTo("B/s");
    assertThat(inflate.path("target_is").asText()).isEqualTo("at least");
    assertThat(inflate.path("ratio").asDouble()).isEqualTo(10);
    for (String name : List.of("transferred_bytes", "downtime_ms", "rss_bytes")) {
      assertThat(inflate.get(name).isNull()).as(name).isTrue();
    }
    assertThat(inflate.has("physical_limit_ratio")).isFalse();
  }

  @Test
  void theRatioSaysWhatItIsTo() throws IOException {
    JsonNode json = json(BenchFixtures.withEverything());
    assertThat(scenario(json, "touched").path("ratio_to").asText()).isEqualTo("QEMU");
    assertThat(scenario(json, "touched/bandwidth").path("ratio_to").asText()).isEqualTo("C pair");
    assertThat(scenario(json, "exits/mmio").path("ratio_to").asText()).isEqualTo("C loop");
    assertThat(scenario(json, "second-hop").path("ratio_to").asText()).isEqualTo("first hop");
    assertThat(scenario(json, "touched-compressed").path("ratio_to").asText())
        .isEqualTo("uncompressed");
    assertThat(scenario(json, "overhead").path("ratio_to").asText()).isEqualTo("QEMU + 40 MiB");
    assertThat(scenario(json, "dirtying-100/limit").path("ratio_to").asText()).isEqualTo("300 ms");
  }

  @Test
  void metFollowsFromTheRatioEverywhere() throws IOException {
    for (JsonNode row : json(BenchFixtures.withEverything()).path("scenarios")) {
      assertThat(row.path("met").asBoolean())
          .as(row.toString())
          .isEqualTo(
              row.path("target_is").asText().equals("at least")
                  ? row.path("ratio").asDouble() >= row.path("target").asDouble()
                  : row.path("ratio").asDouble() <= row.path("target").asDouble());
    }
  }

  @Test
  void whatNeverEndedIsNull() throws IOException {
    JsonNode row = scenario(json(BenchFixtures.withEverything()), "dirtying-1000");
    assertThat(row.at("/peer/median").isNull()).isTrue();
    assertThat(row.at("/peer_costs/not_ended").asText()).isEqualTo("not over after 30 s");
    assertThat(row.has("not_ended")).isFalse();
    assertThat(row.path("ratio").asDouble()).isZero();
    assertThat(row.path("met").asBoolean()).isTrue();
  }

  @Test
  void withoutAPeerNothingIsClaimed() throws IOException {
    JsonNode json = json(BenchFixtures.withoutPeer());
    assertThat(json.get("peer").isNull()).isTrue();
    JsonNode row = scenario(json, "idle-64G");
    for (String name : List.of("peer", "ratio", "met")) {
      assertThat(row.get(name).isNull()).as(name).isTrue();
    }
    assertThat(row.at("/ballast/median").asDouble()).isEqualTo(10);
  }

  @Test
  void theSlopeOfAProportionalCostIsOne() {
    assertThat(BenchFixtures.withoutPeer().scaling().slope()).isCloseTo(1, Offset.offset(1e-9));
  }
}
