package dev.ballast.tools.host;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.ballast.vmm.cpuid.CpuBaseline;
import dev.ballast.vmm.cpuid.CpuComparison;
import dev.ballast.vmm.cpuid.CpuFeature;
import dev.ballast.vmm.cpuid.CpuLevel;
import dev.ballast.vmm.cpuid.CpuModel;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.LeftOut;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which recorded host can move a guest to which other, as docs/hosts.md says. */
class HostTableTest {
  private static final Path PAGE = Path.of("..", "docs", "hosts.md");
  private static final String BEGIN = "<!-- begin of the table that HostTableTest writes -->\n";
  private static final String END = "<!-- end of the table -->";
  private static final int NAMED = 3;

  /** The hosts of one vendor. */
  private static List<RecordedHosts> alike(RecordedHosts host) {
    return Arrays.stream(RecordedHosts.values())
        .filter(other -> other.cpu().vendor().equals(host.cpu().vendor()))
        .toList();
  }

  private static Map<String, CpuModel> models(RecordedHosts host) {
    Map<String, CpuModel> models = new LinkedHashMap<>();
    models.put("`host`", CpuModel.HOST);
    for (CpuLevel level : CpuLevel.values()) {
      models.put("`" + level.label() + "`", level.model());
    }
    CpuBaseline common = CpuBaseline.common(alike(host).stream().map(RecordedHosts::cpu).toList());
    models.put(
        "what all of the vendor have in common",
        new CpuModel("common", Optional.of(common), List.of(), List.of()));
    return models;
  }

  /** The destination is started with the same model. */
  private static String verdict(CpuModel model, RecordedHosts from, RecordedHosts to) {
    CpuProfile source;
    CpuProfile offered;
    try {
      source = model.offer(from.cpu());
      offered = model.offer(to.cpu());
    } catch (IOException e) {
      return "not offered: " + brief(String.valueOf(e.getMessage()));
    }
    // A destination can load all MSRs that its KVM lists.
    CpuProfile limit =
        new CpuProfile(
            offered.cpuid(), to.cpu().msrs(), offered.featureMsrs(), offered.stateSizes());
    return CpuComparison.refusal(source, limit)
        .map(refusal -> "no: " + brief(refusal))
        .orElse("yes");
  }

  private static String brief(String reason) {
    String field = reason.substring(0, reason.indexOf(':')).replace("CPU feature ", "");
    List<String> names = List.of(field.split(", ", -1));
    return names.size() <= NAMED
        ? field
        : String.join(", ", names.subList(0, NAMED)) + " and " + (names.size() - NAMED) + " more";
  }

  private static String table() {
    StringBuilder table = new StringBuilder("| from | to | ");
    table.append(String.join(" | ", models(RecordedHosts.SKYLAKE_SP).keySet())).append(" |\n");
    table.append("|---".repeat(2 + models(RecordedHosts.SKYLAKE_SP).size())).append("|\n");
    for (RecordedHosts from : RecordedHosts.values()) {
      for (RecordedHosts to : alike(from)) {
        if (from != to) {
          List<String> cells = new ArrayList<>(List.of(from.label(), to.label()));
          models(from).values().forEach(model -> cells.add(verdict(model, from, to)));
          table.append("| ").append(String.join(" | ", cells)).append(" |\n");
        }
      }
    }
    return table.toString();
  }

  @Test
  void thePageHasTheTableThatTheComparisonGives() throws IOException {
    String page = Files.readString(PAGE);
    int begin = page.indexOf(BEGIN) + BEGIN.length();
    int end = page.indexOf(END);
    if (Boolean.getBoolean("ballast.hosts.write")) {
      Files.writeString(PAGE, page.substring(0, begin) + table() + page.substring(end));
      return;
    }
    assertThat(page.substring(begin, end))
        .as("%s: to write it anew, run this test with -Dballast.hosts.write=true", PAGE)
        .isEqualTo(table());
  }

  @Test
  void betweenVendorsNoGuestMoves() throws IOException {
    for (RecordedHosts from : RecordedHosts.values()) {
      for (RecordedHosts to : RecordedHosts.values()) {
        if (!alike(from).contains(to)) {
          CpuProfile source = CpuLevel.V2.model().offer(from.cpu());
          assertThat(CpuComparison.refusal(source, to.cpu()))
              .contains(
                  "CPU vendor: source has %s, destination has %s"
                      .formatted(from.cpu().vendor(), to.cpu().vendor()));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aGuestMovesToItsOwnKindOfHostWithAnyModelThatIsOffered(RecordedHosts host) {
    models(host)
        .forEach(
            (name, model) ->
                assertThat(verdict(model, host, host))
                    .as(name)
                    .matches("yes|not offered: avx512f.*"));
  }

  @ParameterizedTest
  @EnumSource
  void whatKeepsAGuestFromMovingIsNotOffered(RecordedHosts host) throws IOException {
    CpuProfile offered = CpuModel.HOST.offer(host.cpu());
    int leftOut = 0;
    for (LeftOut group : LeftOut.values()) {
      for (CpuFeature feature : group.features()) {
        assertThat(feature.isIn(offered.cpuid())).as(feature.name()).isFalse();
        leftOut += feature.isIn(host.cpu().cpuid()) ? 1 : 0;
      }
    }
    assertThat(leftOut).as("what the host could offer of it").isGreaterThan(2);
  }

  @ParameterizedTest
  @EnumSource
  void aReportIsReadAsItWasWritten(RecordedHosts host) {
    CpuProfile cpu = host.cpu();
    assertThat(
            HostCpuJson.parse(
                new JsonMapper().createObjectNode().set("cpu", HostCpuJson.toJson(cpu))))
        .isEqualTo(cpu);
  }

  /** AMX is most of the state of a guest on Sapphire Rapids that has it. */
  @Test
  void withoutAmxTheXsaveAreaIsThatOfIceLake() throws IOException {
    CpuProfile offered = CpuModel.HOST.offer(RecordedHosts.SAPPHIRE_RAPIDS.cpu());
    assertThat(offered.cpuid().find(0xd, 0).orElseThrow().eax()).isEqualTo(0x2e7);
    assertThat(offered.cpuid().find(0xd, 0).orElseThrow().ecx()).isEqualTo(0xa88);
    assertThat(offered.cpuid().find(0xd, 1).orElseThrow().eax()).as("without XFD").isEqualTo(0xf);
    assertThat(offered.msrs()).doesNotContain(0x1c4, 0x1c5, 0xe1);
  }
}
