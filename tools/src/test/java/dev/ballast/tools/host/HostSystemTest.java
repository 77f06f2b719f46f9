package dev.ballast.tools.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostSystemTest {
  @TempDir Path root;

  private HostSystem with(String file, String content) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, content);
    return new HostSystem(root);
  }

  private static String output(String... command) throws IOException {
    Process process = new ProcessBuilder(command).start();
    try (var out = process.getInputStream()) {
      return new String(out.readAllBytes(), StandardCharsets.UTF_8).strip();
    }
  }

  @Test
  void agreesWithOthersAboutThisHost() throws IOException {
    HostSystem host = HostSystem.current();
    assertThat(host.kernelRelease()).isEqualTo(output("uname", "-r"));
    assertThat(host.processors().logical())
        .isEqualTo(Integer.parseInt(output("getconf", "_NPROCESSORS_ONLN")));
    assertThat(host.processors().cores()).isBetween(1, host.processors().logical());
    long pages = Long.parseLong(output("getconf", "_PHYS_PAGES"));
    assertThat(host.memory().totalBytes())
        .isEqualTo(pages * Long.parseLong(output("getconf", "PAGESIZE")));
    assertThat(host.memory().availableBytes()).isBetween(1L << 20, host.memory().totalBytes());
    assertThat(host.load()).isNotNegative();
    assertThat(host.distribution()).isNotBlank();
  }

  @Test
  void countsCoresOfAllSockets() throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      text.append("processor\t: %d\nmodel name\t: A CPU @ 3:1\n".formatted(i));
      text.append("physical id\t: %d\nsiblings\t: 4\n".formatted(i / 4));
      text.append("core id\t\t: %d\ncpu cores\t: 2\nflags\t\t: x\n\n".formatted(i % 2));
    }
    assertThat(with("proc/cpuinfo", text.toString()).processors())
        .isEqualTo(new HostSystem.Processors("A CPU @ 3:1", 8, 4));
    assertThat(with("proc/cpuinfo", "processor\t: 0\nprocessor\t: 1\n").processors())
        .isEqualTo(new HostSystem.Processors("unknown", 2, 2));
  }

  @Test
  void readsMemoryInBytes() throws IOException {
    HostSystem host =
        with("proc/meminfo", "MemTotal:  24105 kB\nMemFree: 1 kB\nMemAvailable:    21 kB\n");
    assertThat(host.memory()).isEqualTo(new HostSystem.Memory(24105L << 10, 21 << 10));
    HostSystem odd = with("proc/meminfo", "MemTotal: 1 MB\n");
    assertThatThrownBy(odd::memory)
        .isInstanceOf(IOException.class)
        .hasMessage("/proc/meminfo: MemTotal is '1 MB', expected kB");
  }

  @Test
  void findsTheDistributionInEitherPlace() throws IOException {
    assertThat(
            with("usr/lib/os-release", "PRETTY_NAME=\"Debian GNU/Linux 12 (x)\"\n").distribution())
        .isEqualTo("Debian GNU/Linux 12 (x)");
    assertThat(with("etc/os-release", "NAME=Alpine\nPRETTY_NAME='Alpine 3'\n").distribution())
        .isEqualTo("Alpine 3");
    assertThat(with("proc/loadavg", "0.25 0.50 1.00 1/100 4242\n").load()).isEqualTo(0.25);
  }
}
