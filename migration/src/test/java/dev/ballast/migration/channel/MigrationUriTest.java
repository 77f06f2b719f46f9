package dev.ballast.migration.channel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MigrationUriTest {
  @Test
  void readsUnixPaths() {
    assertThat(MigrationUri.parse("unix:/run/vm:1.sock"))
        .isEqualTo(new MigrationUri.Unix(Path.of("/run/vm:1.sock")))
        .hasToString("unix:/run/vm:1.sock");
  }

  @ParameterizedTest
  @CsvSource({
    "tcp:10.0.0.1:4444, 10.0.0.1, 4444",
    "tcp:[::1]:1, ::1, 1",
    "tcp:host.example:65535, host.example, 65535",
    "tcp::0, '', 0"
  })
  void readsTcpAddresses(String uri, String host, int port) {
    assertThat(MigrationUri.parse(uri))
        .isEqualTo(new MigrationUri.Tcp(host, port))
        .hasToString(uri);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "unix:",
        "tcp:",
        "tcp:host",
        "tcp:host:",
        "tcp:h:65536",
        "tcp:h:-1",
        "ftp:x",
        "x"
      })
  void namesWhatItCannotRead(String uri) {
    assertThatThrownBy(() -> MigrationUri.parse(uri))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith(uri + ":");
  }

  @Test
  void refusesPathsThatNoSocketCanHave() {
    assertThatThrownBy(() -> MigrationUri.parse("unix:/" + "x".repeat(107)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("has 108 bytes, and that of a socket at most 107: use a shorter one");
    assertThat(MigrationUri.parse("unix:/" + "x".repeat(106)))
        .isInstanceOf(MigrationUri.Unix.class);
  }
}
