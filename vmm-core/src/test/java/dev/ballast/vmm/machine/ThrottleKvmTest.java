package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.memory.RamConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** vCPUs that are kept out of the guest for a part of the time, on the real KVM. */
@Tag("kvm")
class ThrottleKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final long WINDOW_NANOS = TimeUnit.MILLISECONDS.toNanos(1500);

  /** Counts in EBX and at 2 MiB for ever. */
  private static final int[] COUNTER = {
    0x31, 0xdb, // xor ebx, ebx
    0x43, // inc ebx
    0x89, 0x1d, 0x00, 0x00, 0x20, 0x00, // mov [0x200000], ebx
    0xeb, 0xf7, // jmp back to inc
  };

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  private Machine machine() throws IOException {
    KernelConfig boots =
        new KernelConfig(
            TinyGuest.write(directory, COUNTER), Optional.empty(), "", KernelConfig.Mode.AUTO);
    MachineConfig config =
        new MachineConfig(
            KVM, RamConfig.anonymous(64L << 20), 1, Optional.of(boots), new TestConsole());
    return new Machine(config);
  }

  private static void awaitProgress(Machine machine) throws Exception {
    int before = machine.memory().readU32(0x20_0000);
    await().until(() -> machine.memory().readU32(0x20_0000) != before);
  }

  /** Returns for how many nanoseconds the vCPU's thread had a processor. */
  private static long cpuNanos(Machine machine) throws IOException {
    int thread = machine.vcpuThreads().getFirst().threadId();
    String times = Files.readString(Path.of("/proc/self/task/" + thread + "/schedstat"));
    return Long.parseLong(times.substring(0, times.indexOf(' ')));
  }

  private static Set<String> threadNames() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .collect(Collectors.toSet());
  }

  @Test
  void aThrottledVcpuHasOnlyItsShareOfTheTime() throws Exception {
    try (Machine machine = machine()) {
      machine.resume();
      awaitProgress(machine);
      machine.throttle(90);
      assertThat(machine.throttlePercentage()).isEqualTo(90);
      long start = System.nanoTime();
      long cpuBefore = cpuNanos(machine);
      await().until(() -> System.nanoTime() - start > WINDOW_NANOS);
      long cpu = cpuNanos(machine) - cpuBefore;
      long wall = System.nanoTime() - start;
      assertThat(cpu * 100 / wall).as("percent of the time on a processor").isLessThan(40);
      awaitProgress(machine);

      machine.throttle(0);
      assertThat(machine.throttlePercentage()).isZero();
      assertThat(threadNames()).doesNotContain("vcpu-throttle");
      awaitProgress(machine);
    }
  }

  @Test
  void aNapThatIsCalledOffBeforeItBeganLeavesTheGuestRunning() throws Exception {
    try (Machine machine = machine()) {
      machine.resume();
      for (int i = 0; i < 50; i++) {
        awaitProgress(machine);
        machine.vcpuThreads().getFirst().throttlePause(TimeUnit.HOURS.toNanos(1));
        machine.vcpuThreads().getFirst().throttlePause(0);
      }
      awaitProgress(machine);
    }
  }

  @Test
  void aThrottledMachineStopsGoesOnAndEnds() throws Exception {
    try (Machine machine = machine()) {
      machine.resume();
      machine.throttle(99);
      for (int i = 0; i < 20; i++) {
        awaitProgress(machine);
        machine.pause();
        assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
        int stopped = machine.memory().readU32(0x20_0000);
        machine.throttle(50 + i);
        assertThat(machine.memory().readU32(0x20_0000)).isEqualTo(stopped);
        machine.resume();
      }
      assertThat(machine.stopForMigration()).isEqualTo(RunState.RUNNING);
      machine.throttle(0);
      machine.endMigration(RunState.RUNNING);
      awaitProgress(machine);
      machine.throttle(99);
      await().atMost(Duration.ofSeconds(10)).until(() -> threadNames().contains("vcpu-throttle"));
    }
    assertThat(threadNames()).doesNotContain("vcpu-throttle");
  }
}
