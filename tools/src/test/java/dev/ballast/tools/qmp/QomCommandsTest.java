package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.virtio.balloon.MemoryReport;
import dev.ballast.virtio.balloon.MemoryStatistic;
import java.io.IOException;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The balloon's properties as QEMU's clients know them. */
@Timeout(30)
class QomCommandsTest {
  private static final String GET =
      "{'execute':'qom-get','arguments':{'path':'%s','property':'%s'}}";

  @RegisterExtension private final ServedMachine served = new ServedMachine();
  private final FakeMachine machine = served.machine;

  @ParameterizedTest
  @ValueSource(strings = {"/machine/peripheral/balloon0", "balloon0"})
  void theIntervalIsSetAndRead(String path) throws IOException {
    try (RawClient client = served.negotiated()) {
      String get = GET.formatted(path, "guest-stats-polling-interval");
      assertThat(client.ask(get)).hasToString("{\"return\":0}");
      String set =
          "{'execute':'qom-set','arguments':{'path':'balloon0',"
              + "'property':'guest-stats-polling-interval','value':4294967295}}";
      assertThat(client.ask(set)).hasToString("{\"return\":{}}");
      assertThat(client.ask(get)).hasToString("{\"return\":4294967295}");
      assertThat(machine.calls).containsExactly("interval 4294967295");
    }
  }

  @Test
  void whatTheGuestHasNotToldIsAllOnes() throws IOException {
    try (RawClient client = served.negotiated()) {
      String get = GET.formatted("/machine/peripheral/balloon0", "guest-stats");
      String none = "18446744073709551615";
      assertThat(client.ask(get))
          .hasToString(
              ("{'return':{'stats':{'stat-swap-in':#,'stat-swap-out':#,'stat-major-faults':#,"
                      + "'stat-minor-faults':#,'stat-free-memory':#,'stat-total-memory':#,"
                      + "'stat-available-memory':#,'stat-disk-caches':#,'stat-htlb-pgalloc':#,"
                      + "'stat-htlb-pgfail':#},'last-update':0}}")
                  .replace('\'', '"')
                  .replace("#", none));

      machine.report =
          new MemoryReport(
              Map.of(MemoryStatistic.FREE_MEMORY, 1L << 20, MemoryStatistic.SWAP_IN, -2L),
              Instant.ofEpochSecond(1_700_000_000L, 999));
      JsonNode answer = client.ask(get).path("return");
      assertThat(answer.at("/stats/stat-free-memory").asLong()).isEqualTo(1 << 20);
      assertThat(answer.at("/stats/stat-swap-in")).hasToString("18446744073709551614");
      assertThat(answer.at("/stats/stat-total-memory")).hasToString(none);
      assertThat(answer.path("last-update").asLong()).isEqualTo(1_700_000_000L);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          qom-get|{'path':'/machine','property':'guest-stats'}|DeviceNotFound|Device '/machine' not found
          qom-get|{'path':'','property':'guest-stats'}|DeviceNotFound|Device '' not found
          qom-get|{'path':'balloon0','property':'x'}|GenericError|Property 'virtio-balloon-device.x' not found
          qom-get|{'path':'balloon0'}|GenericError|Parameter 'property' is missing
          qom-get|{'path':1,'property':'x'}|GenericError|Invalid parameter type for 'path', expected: string
          qom-set|{'path':'balloon1','property':'x','value':1}|DeviceNotFound|Device 'balloon1' not found
          qom-set|{'path':'balloon0','property':'x','value':1}|GenericError|Property 'virtio-balloon-device.x' not found
          qom-set|{'path':'balloon0','property':'guest-stats','value':1}|GenericError|Property 'virtio-balloon-device.guest-stats' is not writable
          qom-set|{'path':'balloon0','property':'guest-stats-polling-interval'}|GenericError|Parameter 'value' is missing
          qom-set|{'path':'balloon0','property':'guest-stats-polling-interval','value':'1'}|GenericError|Invalid parameter type for 'guest-stats-polling-interval', expected: integer
          qom-set|{'path':'balloon0','property':'guest-stats-polling-interval','value':null}|GenericError|Invalid parameter type for 'guest-stats-polling-interval', expected: integer
          qom-set|{'path':'balloon0','property':'guest-stats-polling-interval','value':-1}|GenericError|timer value must be greater than zero
          qom-set|{'path':'balloon0','property':'guest-stats-polling-interval','value':4294967296}|GenericError|timer value is too big
          """)
  void refusesBeforeAnyEffect(String command, String arguments, String errorClass, String desc)
      throws IOException {
    try (RawClient client = served.negotiated()) {
      JsonNode error =
          client.ask("{'execute':'%s','arguments':%s}".formatted(command, arguments)).path("error");
      assertThat(error.path("class").asText()).isEqualTo(errorClass);
      assertThat(error.path("desc").asText()).isEqualTo(desc);
      assertThat(machine.calls).isEmpty();
    }
  }

  @Test
  void thereMayBeNoBalloonOrNoStatistics() throws IOException {
    try (RawClient client = served.negotiated()) {
      String get = GET.formatted("balloon0", "guest-stats");
      machine.hasStatistics = false;
      assertThat(client.ask(get).at("/error/desc").asText())
          .isEqualTo("Property 'virtio-balloon-device.guest-stats' not found");
      machine.hasBalloon = false;
      assertThat(client.ask(get).at("/error/class").asText()).isEqualTo("DeviceNotFound");
    }
  }
}
