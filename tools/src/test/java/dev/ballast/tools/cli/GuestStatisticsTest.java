package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.Test;

class GuestStatisticsKvmTest {
  private static String text(String json) throws JsonProcessingException {
    return GuestStatistics.text(new ObjectMapper().readTree(json.replace('\'', '"')));
  }

  @Test
  void saysWhatTheGuestTold() throws Exception {
    assertThat(
            text(
                "{'stats':{'stat-total-memory':1073741824,'stat-free-memory':536870912,"
                    + "'stat-available-memory':18446744073709551615},'last-update':1700000000}"))
        .isEqualTo(
            Units.bytes(1 << 30)
                + " in all, "
                + Units.bytes(1 << 29)
                + " free; 2023-11-14T22:13:20Z");
  }

  @Test
  void saysThatThereIsNoReport() throws Exception {
    assertThat(text("{'stats':{'stat-free-memory':18446744073709551615},'last-update':0}"))
        .isEqualTo("has not reported its memory");
  }
}
