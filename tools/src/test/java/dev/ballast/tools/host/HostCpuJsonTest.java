package dev.ballast.tools.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostCpuJsonTest {
  private static final JsonMapper MAPPER = new JsonMapper();

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{}; no processor in it",
        "[]; no processor in it",
        "{'cpu': {'cpuid': ['0x1: eax=1']}}; '0x1: eax=1' is no leaf of CPUID",
        "{'cpu': {'cpuid': [LEAF], 'msrs': ['10']}}; '10' is no number of 8 hex digits",
        "{'cpu': {'cpuid': [LEAF], 'msrs': ['0x100000000']}}; '0x100000000' is no number",
        "{'cpu': {'cpuid': [LEAF], 'feature_msrs': {'0x10a': 4}}}; '4' is no number of 16 hex"
      })
  void aReportThatIsNoneIsRefused(String json, String reason) throws Exception {
    String text =
        json.replace('\'', '"').replace("LEAF", "\"0x00000000: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4\"");
    assertThatThrownBy(() -> HostCpuJson.parse(MAPPER.readTree(text)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(reason);
  }

  @Test
  void anyReportIsReadOrRefused() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    ObjectNode root = MAPPER.createObjectNode();
    root.set("cpu", HostCpuJson.toJson(RecordedHosts.ZEN_2.cpu()));
    char[] json = root.toString().toCharArray();
    int read = 0;
    for (int round = 0; round < 1000; round++) {
      char[] changed = json.clone();
      for (int i = 1 + random.nextInt(3); i > 0; i--) {
        changed[random.nextInt(changed.length)] = (char) (' ' + random.nextInt(95));
      }
      try {
        HostCpuJson.parse(MAPPER.readTree(new String(changed)));
        read++;
      } catch (IllegalArgumentException | JacksonException e) {
        assertThat(e.getMessage()).isNotBlank();
      }
    }
    assertThat(read).isBetween(1, 999);
  }
}
