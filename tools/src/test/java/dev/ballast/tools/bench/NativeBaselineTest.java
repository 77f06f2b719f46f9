package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeBaselineTest {
  private static final long MIB = 1 << 20;
  private static final MemoryWarmer NOT_KEPT = new MemoryWarmer();

  @TempDir Path directory;
  private NativeBaseline program;

  @BeforeEach
  void unpack() throws IOException {
    program = NativeBaseline.unpack(directory);
  }

  @Test
  void movesBytesOverOneSocketAndOverSome() throws IOException, InterruptedException {
    assertThat(program.streamBytesPerSecond(8 * MIB, 1, false, NOT_KEPT)).isPositive();
    assertThat(program.streamBytesPerSecond(8 * MIB, 2, true, NOT_KEPT)).isPositive();
    // Sockets are gone, so that the next ones can have their names.
    assertThat(directory.resolve("stream.0")).doesNotExist();
  }

  @Test
  void holdsMemoryAndExchangesItWhenAsked() throws IOException {
    try (NativeBaseline.Running holder = program.holdMemory(64 * MIB)) {
      OutputStream input = holder.process().getOutputStream();
      assertThat(holder.awaitLine()).matches("warm bytes=\\d+");
      input.write('\n');
      input.flush();
      assertThat(holder.awaitLine()).matches("warm bytes=\\d+");
      input.close();
      assertThat(holder.output().readLine()).isNull();
    }
  }

  @Test
  void saysWhatItWasNotAskedWell() {
    assertThatThrownBy(() -> program.streamBytesPerSecond(8 * MIB + 1, 1, false, NOT_KEPT))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("yardstick: ");
  }

  @Test
  void theClockCountsAsFastAsProcessorsDo() throws IOException, InterruptedException {
    assertThat(program.clockHertz()).isBetween(2e8, 1e10);
  }

  @Test
  void aGuestThatIsNoneIsSaid() throws IOException {
    Path kernel = Files.writeString(directory.resolve("kernel"), "no kernel");
    assertThatThrownBy(() -> program.bareGuest(kernel, List.of("count")))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("not an ELF file");
  }

  @Test
  void aRateIsWhatASecondOfTheClockWouldSee() {
    // 20 in 400 cycles of a clock of 1 kHz: 0.4 s.
    assertThat(ExitsExperiment.rate(20, 400, 1000)).isEqualTo(50);
  }
}
