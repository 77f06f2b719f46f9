package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.cpuid.CpuBaseline;
import dev.ballast.vmm.cpuid.CpuFeature;
import dev.ballast.vmm.cpuid.CpuLevel;
import dev.ballast.vmm.cpuid.CpuModel;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/** {@code --cpu}, and {@code ballast cpu --common}, which makes files for it. */
class CpuOptionTest {
  @TempDir Path directory;

  private static CpuModel model(String value) {
    return new CpuOption.Converter().convert(value).model();
  }

  private static String recorded(String host) throws URISyntaxException {
    URL file = CpuOptionTest.class.getResource("/dev/ballast/tools/host/cpu/" + host + ".json");
    return Path.of(Objects.requireNonNull(file, host).toURI()).toString();
  }

  /** What a command printed, and its exit code before it. */
  private static String run(String... words) {
    StringWriter out = new StringWriter();
    CommandLine line = Ballast.commandLine();
    line.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(out, true));
    return line.execute(words) + " " + out;
  }

  @Test
  void modelsHaveNames() {
    assertThat(model("host")).isEqualTo(CpuModel.HOST);
    assertThat(model("x86-64-v3")).isEqualTo(CpuLevel.V3.model());
    assertThat(model("host,+invtsc,-avx512f,-AVX512-VNNI").removed())
        .extracting(CpuFeature::name)
        .containsExactly("avx512f", "avx512_vnni");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "x86-64-v5 | 'x86-64-v5' is neither a CPU model (host, x86-64-v2, x86-64-v3, x86-64-v4) nor a file",
        "host,+avx9 | there is no CPU feature 'avx9'; did you mean avx",
        "host,+vmx | vmx is never offered: the state of a guest's own guests is not saved",
        "host,avx | 'avx' is neither +FEATURE nor -FEATURE",
        "host, | '' is neither +FEATURE nor -FEATURE"
      })
  void wrongWordsAreRefused(String value, String reason) {
    assertThatThrownBy(() -> model(value))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageStartingWith(reason);
    assertThat(run("run", "--kernel", "x", "--cpu", value)).startsWith("2 ");
  }

  @Test
  void whatHostsHaveInCommonIsAModel() throws Exception {
    String printed = run("cpu", "--common", recorded("skylake-sp"), recorded("ice-lake-sp"));
    assertThat(printed).startsWith("0 # What these hosts have in common");
    Path file = Files.writeString(directory.resolve("fleet.cpu"), printed.substring(2));
    CpuModel fleet = model(file + ",-pku");
    CpuBaseline common = fleet.baseline().orElseThrow();
    assertThat(common.features())
        .extracting(CpuFeature::name)
        .contains("avx512f", "pku", "spec_ctrl")
        .doesNotContain("rtm", "avx512_vnni", "vmx", "invtsc", "pmu");
    assertThat(common.addressBits()).isEqualTo(46);
    assertThat(common.maxLeaf()).isEqualTo(0x16);
    assertThat(common.featureMsrs()).containsOnlyKeys(0x10a);
    assertThat(fleet.name()).isEqualTo(file.toString());
  }

  @Test
  void filesThatDoNotFitAreRefusedByName() throws Exception {
    assertThat(run("cpu", "--common", recorded("zen2-rome"), recorded("skylake-sp")))
        .isEqualTo(
            "1 ballast: hosts of different vendors have no common processor: AuthenticAMD and"
                + " GenuineIntel\n");
    Path other = Files.writeString(directory.resolve("x.json"), "{}");
    assertThat(run("cpu", "--common", other.toString())).startsWith("1 ballast: " + other + ": no");
    Files.writeString(other, "x");
    assertThat(run("cpu", "--common", other.toString()))
        .startsWith("1 ballast: " + other + ": is no JSON: ");
    assertThat(run("cpu", "--common", directory.resolve("none").toString()))
        .startsWith("1 ballast: ")
        .contains("no such file");
    Path broken = Files.writeString(directory.resolve("broken.cpu"), "vendor GenuineIntel\navx3\n");
    assertThatThrownBy(() -> model(broken.toString()))
        .hasMessageStartingWith(broken + ": line 2: there is no CPU feature 'avx3'");
    Path large = directory.resolve("large.cpu");
    Files.write(large, List.of("#".repeat(CpuBaseline.MAX_BYTES)));
    assertThatThrownBy(() -> model(large.toString())).hasMessageContaining("too many");
    assertThatThrownBy(() -> model(directory.toString())).hasMessageContaining("cannot be read");
  }
}
