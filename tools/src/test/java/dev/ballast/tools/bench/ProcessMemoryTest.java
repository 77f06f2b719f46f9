package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;

class ProcessMemoryTest {
  private static final long MIB = 1 << 20;

  /** What proc(5) shows of 1 GiB of RAM, a library, and addresses that are only reserved. */
  private static final String MAPS =
      """
      7f0000000000-7f0040000000 rw-p 00000000 00:00 0
      Size:            1048576 kB
      Rss:               20480 kB
      Pss:               20480 kB
      VmFlags: rd wr mr mw me nr
      7f0050000000-7f0050200000 r-xp 00000000 08:01 1234                       /usr/lib/libc.so.6
      Size:               2048 kB
      Rss:                 512 kB
      7f0060000000-7f00a0000000 ---p 00000000 00:00 0
      Size:            1048576 kB
      Rss:                   0 kB
      7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]
      Size:                132 kB
      Rss:                  64 kB
      """;

  @Test
  void theRamOfTheGuestIsNotCounted() throws IOException {
    assertThat(ProcessMemory.parse(MAPS).residentWithoutGuest(1024 * MIB)).isEqualTo(576 * 1024);
  }

  @Test
  void addressesThatAreOnlyReservedAreNoRam() throws IOException {
    assertThat(ProcessMemory.parse(MAPS).mappings())
        .contains(new ProcessMemory.Mapping(false, 1024 * MIB, 0));
  }

  @Test
  void whatCannotBeToldApartIsSaid() throws IOException {
    ProcessMemory memory = ProcessMemory.parse(MAPS);
    assertThatThrownBy(() -> memory.residentWithoutGuest(4096 * MIB))
        .hasMessageStartingWith("0 mappings");
    assertThatThrownBy(() -> memory.residentWithoutGuest(MIB / 16))
        .hasMessageStartingWith("2 mappings");
  }

  @Test
  void whatIsNoListOfMappingsIsRefused() {
    assertThatThrownBy(() -> ProcessMemory.parse("Rss:   64 kB").residentWithoutGuest(MIB))
        .isInstanceOf(IOException.class);
  }

  @Test
  void readsWhatThisKernelWrites() throws IOException {
    long sum =
        ProcessMemory.parse(Files.readString(Path.of("/proc/self/smaps"))).mappings().stream()
            .mapToLong(ProcessMemory.Mapping::residentBytes)
            .sum();
    long resident =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("VmRSS:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
            .sum();
    assertThat(sum).isCloseTo(resident, Percentage.withPercentage(20));
  }
}
