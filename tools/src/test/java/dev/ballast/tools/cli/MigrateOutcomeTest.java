package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.machine.MachineDescription.DeviceFeatures;
import dev.ballast.vmm.machine.MachineDescription.RamRange;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Where the user is told to look for a guest whose migration did not complete. */
class MigrateOutcomeTest {
  @Test
  void aGuestThatWasHandedOverIsLookedForAtTheDestination() {
    assertThat(MigrateCommand.whereTheGuestIs("postmigrate"))
        .contains("handed over", "look for it there", "'ballast cont'")
        .doesNotContain("has not moved");
  }

  @Test
  void aGuestThatStayedIsHere() {
    assertThat(MigrateCommand.whereTheGuestIs("running"))
        .isEqualTo("the guest has not moved; the machine here is running");
  }

  private static final MachineDescription SOURCE =
      new MachineDescription(
          3L << 30,
          4096,
          4,
          List.of("vcpu0", "balloon0"),
          List.of(new CpuFeatureWord(7, 0, "ebx", 0x11)),
          List.of(new RamRange(0, 3L << 30)),
          List.of(new DeviceFeatures("balloon0", 7)));

  private static MachineDescription destination(
      long memory, int pageSize, int vcpus, String device, int cpu, long start, long offers) {
    return new MachineDescription(
        memory,
        pageSize,
        vcpus,
        List.of("vcpu0", device),
        List.of(new CpuFeatureWord(7, 0, "ebx", cpu)),
        List.of(new RamRange(start, 3L << 30)),
        List.of(new DeviceFeatures("balloon0", offers)));
  }

  static Stream<Arguments> mismatches() {
    long same = 3L << 30;
    return Stream.of(
        arguments(destination(1L << 30, 4096, 4, "balloon0", 0x11, 0, 7), "--memory 3G,"),
        arguments(destination(same, 4096, 4, "balloon0", 0x11, 4096, 7), "version of Ballast"),
        arguments(destination(same, 8192, 4, "balloon0", 0x11, 0, 7), "version of Ballast"),
        arguments(destination(same, 4096, 2, "balloon0", 0x11, 0, 7), "--cpus 4,"),
        arguments(destination(same, 4096, 4, "x", 0x11, 0, 7), "the same --balloon and --cpus"),
        arguments(destination(same, 4096, 4, "balloon0", 1, 0, 7), "a host whose CPU has that"),
        arguments(destination(same, 4096, 4, "balloon0", 0x11, 0, 3), "the same --balloon as"));
  }

  /** Whatever differs, there is a way out, and it is the one for that. */
  @ParameterizedTest
  @MethodSource("mismatches")
  void machinesThatDoNotMatchHaveAWayOut(MachineDescription destination, String way) {
    String refusal = destination.refusal(SOURCE).orElseThrow();
    assertThat(ErrorReporter.hint("the destination gave up: " + refusal).orElseThrow())
        .contains(way);
  }

  /** What {@code CpuComparison} says. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "CPU feature avx512f, avx512bw: source has 0x7.0 ebx 0x40010000, destination has 0x7.0 ebx"
            + " 0x00000000",
        "CPU physical address bits: source has 52, destination has 46",
        "CPU linear address bits: source has 57, destination has 48",
        "XSAVE component 9: source has 8 bytes at 2688, destination has 8 bytes at 2432",
        "MSR 0x10a rdctl_no: source has 0x1, destination has 0x0",
        "CPUID 0xa.0 eax: source has 0x7300402, destination has 0x8300802",
        "vCPU state XSAVE: source has 8192 bytes, destination has 4096 bytes"
      })
  void aProcessorThatDoesNotFitIsAQuestionOfTheModel(String refusal) {
    assertThat(ErrorReporter.hint("the destination gave up: " + refusal).orElseThrow())
        .contains("the source's --cpu", "'ballast cpu --common'");
  }

  @Test
  void anotherVendorsProcessorIsNone() {
    assertThat(
            ErrorReporter.hint("CPU vendor: source has GenuineIntel, destination has AuthenticAMD")
                .orElseThrow())
        .contains("a host of the source's");
  }

  @Test
  void otherFailuresHaveNoWayOut() {
    assertThat(ErrorReporter.hint("unix:/x: connection refused")).isEmpty();
    assertThat(ErrorReporter.hint("balloon0: source has 1, destination has 2")).isEmpty();
    assertThat(
            ErrorReporter.hint("memory: source has -1 bytes, destination has 2 bytes")
                .orElseThrow())
        .contains("the same --memory as the source");
    assertThat(ErrorReporter.hint("the machine has no kernel to boot").orElseThrow())
        .contains("--kernel");
  }

  @Test
  void aDestinationThatDoesNotListenHasToBeStartedFirst() throws Exception {
    MigrationUri uri = MigrationUri.parse("unix:/nonexistent/m");
    try (MigrationChannel channel = MigrationChannel.open(uri)) {
      assertThatThrownBy(() -> channel.connect(Duration.ofSeconds(5)))
          .isInstanceOf(IOException.class)
          .extracting(e -> ErrorReporter.hint(String.valueOf(e.getMessage())).orElse("none"))
          .asString()
          .contains("ballast run --incoming");
    }
    assertThat(ErrorReporter.hint(uri + ": the connection broke: Broken pipe")).isEmpty();
  }
}
