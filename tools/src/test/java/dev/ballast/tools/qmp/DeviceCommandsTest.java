package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What clients ask about devices and the machine as a whole when they connect. */
@Timeout(30)
class DeviceCommandsTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();

  @ParameterizedTest
  @ValueSource(
      strings = {
        "query-block",
        "query-blockstats",
        "query-block-jobs",
        "query-iothreads",
        "query-pci"
      })
  void thereAreNone(String command) throws IOException {
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'" + command + "'}")).hasToString("{\"return\":[]}");
    }
  }

  @Test
  void thereIsASerialLine() throws IOException {
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'query-chardev'}"))
          .hasToString(
              "{\"return\":[{\"label\":\"serial0\",\"filename\":\"pty:/dev/pts/7\","
                  + "\"frontend-open\":true}]}");
    }
  }

  @Test
  void theUuidIsWhatTheUserGave() throws IOException {
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'query-uuid'}").at("/return/UUID").asText())
          .isEqualTo("00000000-0000-0000-0000-000000000000");
      served.machine.uuid = UUID.fromString("123e4567-e89b-12d3-a456-426614174000");
      assertThat(client.ask("{'execute':'query-uuid'}").at("/return/UUID").asText())
          .isEqualTo("123e4567-e89b-12d3-a456-426614174000");
    }
  }
}
