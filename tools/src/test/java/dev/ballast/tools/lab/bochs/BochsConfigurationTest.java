package dev.ballast.tools.lab.bochs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The file that Bochs reads. */
class BochsConfigurationTest {
  @Test
  void disksAreNumberedAsLinuxNumbersThem() {
    BochsConfiguration configuration =
        new BochsConfiguration(1400, List.of("a", "b", "c"), "console", 5001, "log");
    assertThat(configuration.text().lines())
        .contains(
            "memory: guest=1400, host=1400",
            "ata0-master: type=disk, mode=flat, path=a",
            "ata0-slave: type=disk, mode=flat, path=b",
            "ata1-master: type=disk, mode=flat, path=c",
            "com1: enabled=1, mode=file, dev=console",
            "com2: enabled=1, mode=socket-client, dev=127.0.0.1:5001",
            "log: log")
        .noneMatch(line -> line.startsWith("ata1-slave"));
  }

  @Test
  void refusesMoreThanThereIsPlaceFor() {
    assertThatThrownBy(
            () -> new BochsConfiguration(1400, List.of("a", "b", "c", "d", "e"), "", 1, ""))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
