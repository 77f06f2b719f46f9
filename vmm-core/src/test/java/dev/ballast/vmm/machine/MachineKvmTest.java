package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.memory.RamConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The life of a machine, with guests of a few instructions on the real KVM. */
@Tag("kvm")
class MachineKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final long MEMORY = 64L << 20;

  /** Prints "Hi", then counts in EBX and at 2 MiB for ever. */
  private static final int[] COUNTER = {
    0x66, 0xba, 0xf8, 0x03, // mov dx, 0x3f8
    0xb0, 'H', 0xee, // mov al, 'H'; out dx, al
    0xb0, 'i', 0xee, // mov al, 'i'; out dx, al
    0x31, 0xdb, // xor ebx, ebx
    0x43, // inc ebx
    0x89, 0x1d, 0x00, 0x00, 0x20, 0x00, // mov [0x200000], ebx
    0xeb, 0xf7, // jmp back to inc
  };

  @TempDir Path directory;
  private final TestConsole console = new TestConsole();
  private final List<MachineEvent> events = new CopyOnWriteArrayList<>();

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  private Machine machine(int vcpus, int... code) throws IOException {
    Path kernel = TinyGuest.write(directory, code);
    return machine(vcpus, Optional.of(kernel), false);
  }

  private MachineConfig config(int vcpus, Optional<Path> kernel) {
    Optional<KernelConfig> boots =
        kernel.map(file -> new KernelConfig(file, Optional.empty(), "", KernelConfig.Mode.AUTO));
    return new MachineConfig(KVM, RamConfig.anonymous(MEMORY), vcpus, boots, console);
  }

  private Machine machine(int vcpus, Optional<Path> kernel, boolean incoming) throws IOException {
    MachineConfig config = config(vcpus, kernel);
    Machine machine = new Machine(incoming ? config.asDestination() : config);
    machine.addListener(events::add);
    return machine;
  }

  private static int counter(Machine machine) throws Exception {
    return machine.memory().readU32(0x20_0000);
  }

  private static void awaitProgress(Machine machine) throws Exception {
    int before = counter(machine);
    await().until(() -> counter(machine) != before);
  }

  @Test
  void runsStopsAndGoesOn() throws Exception {
    try (Machine machine = machine(1, COUNTER)) {
      assertThat(machine.runState()).isEqualTo(RunState.PRELAUNCH);
      machine.resume();
      awaitProgress(machine);
      assertThat(console.text()).isEqualTo("Hi");
      machine.pause();
      int stopped = counter(machine);
      assertThat(machine.runState()).isEqualTo(RunState.PAUSED);
      machine.pause();
      assertThat(counter(machine)).isEqualTo(stopped);
      machine.resume();
      awaitProgress(machine);
    }
    assertThat(events)
        .containsExactly(
            new MachineEvent.StateChanged(RunState.PRELAUNCH, RunState.RUNNING),
            new MachineEvent.StateChanged(RunState.RUNNING, RunState.PAUSED),
            new MachineEvent.StateChanged(RunState.PAUSED, RunState.RUNNING));
  }

  /** Its state would not come along. */
  @Test
  void doesNotOfferNestedVirtualisation() throws Exception {
    try (Machine machine = machine(1, COUNTER)) {
      assertThat(machine.description().cpuFeatures())
          .isNotEmpty()
          .noneMatch(word -> isEcx(word, 0x1) && (word.bits() & (1 << 5)) != 0)
          .noneMatch(word -> isEcx(word, 0x8000_0001) && (word.bits() & (1 << 2)) != 0);
    }
  }

  private static boolean isEcx(CpuFeatureWord word, int leaf) {
    return word.function() == leaf && word.register().equals("ecx");
  }

  @Test
  void stopsSixteenVcpusThatWaitToBeStarted() throws Exception {
    try (Machine machine = machine(16, COUNTER)) {
      machine.resume();
      awaitProgress(machine);
      machine.pause();
      machine.resume();
      awaitProgress(machine);
    }
  }

  @Test
  void logsWhatTheGuestAndTheVmmWrite() throws Exception {
    try (Machine machine = machine(1, COUNTER)) {
      machine.resume();
      awaitProgress(machine);
      RamBlock ram = machine.ramBlocks().getFirst();
      ram.startDirtyLog();
      takeDirty(ram);
      awaitProgress(machine);
      PageBitmap dirty = takeDirty(ram);
      assertThat(dirty.get(0x200)).isTrue();
      assertThat(dirty.cardinality()).isLessThan(8);
      machine.pause();
      takeDirty(ram);
      machine.memory().writeU8(0x30_0000, 1);
      dirty = takeDirty(ram);
      assertThat(dirty.cardinality()).isEqualTo(1);
      assertThat(dirty.get(0x300)).isTrue();
      ram.stopDirtyLog();
    }
  }

  /** Fetches the dirty log, and has it tell of those pages again when they are written again. */
  private static PageBitmap takeDirty(RamBlock ram) throws IOException {
    PageBitmap dirty = PageBitmap.allocate(ram.pages());
    ram.fetchDirtyLog(dirty);
    ram.protectDirty(dirty, 0, dirty.wordCount());
    return dirty;
  }

  @Test
  void findsPopulatedPagesWithoutTouchingThem() throws Exception {
    try (Machine machine = machine(1, COUNTER)) {
      machine.memory().writeU8(0x300_0000, 1);
      RamBlock ram = machine.ramBlocks().getFirst();
      PageBitmap populated = PageBitmap.allocate(ram.pages());
      ram.addPopulated(populated);
      assertThat(populated.get(0x3000)).isTrue();
      ram.discard(0x3000, 1);
      populated.clearAll();
      ram.addPopulated(populated);
      assertThat(populated.get(0x3000)).isFalse();
      assertThat(machine.memory().readU8(0x300_0000)).isZero();
    }
  }

  @Test
  void poweringOffEndsInShutdown() throws Exception {
    int sleepType = 5 << 10 | 1 << 13;
    int[] powerOff = {
      0x66,
      0xba,
      0x04,
      0x06, // mov dx, 0x604
      0x66,
      0xb8,
      sleepType & 0xff,
      sleepType >> 8, // mov ax, S5
      0x66,
      0xef, // out dx, ax
      0xeb,
      0xfe, // jmp self
    };
    try (Machine machine = machine(1, powerOff)) {
      machine.resume();
      await().until(() -> machine.runState() == RunState.SHUTDOWN);
      assertThat(events).contains(new MachineEvent.Shutdown());
      assertThatThrownBy(machine::resume).isInstanceOf(RefusedException.class);
    }
  }

  @Test
  void resetBootsAgain() throws Exception {
    int[] printOnceThenReset = {
      0x66, 0xba, 0xf8, 0x03, 0xb0, 'r', 0xee, // print "r"
      0xff, 0x05, 0x00, 0x00, 0x20, 0x00, // inc dword [0x200000]
      0x83, 0x3d, 0x00, 0x00, 0x20, 0x00, 0x03, // cmp dword [0x200000], 3
      0x7d, 0xfe, // jge self
      0xb0, 0xfe, 0xe6, 0x64, // mov al, 0xfe; out 0x64, al
      0xeb, 0xfe, // jmp self
    };
    try (Machine machine = machine(1, printOnceThenReset)) {
      machine.resume();
      await().until(() -> console.text().equals("rrr"));
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      assertThat(events).contains(new MachineEvent.Reset(true));
    }
  }

  @Test
  void stateMovesToAnotherMachine() throws Exception {
    try (Machine source = machine(2, COUNTER);
        Machine destination = machine(2, Optional.empty(), true)) {
      source.resume();
      awaitProgress(source);
      assertThat(source.stopForMigration()).isEqualTo(RunState.RUNNING);
      destination.memory().ram().copyFrom(source.memory().ram());
      assertThat(destination.description().refusal(source.description())).isEmpty();
      Sections.move(source, destination);
      int moved = counter(source);
      destination.endMigration(RunState.RUNNING);
      awaitProgress(destination);
      assertThat(counter(destination)).isGreaterThan(moved);
      source.endMigration(RunState.POSTMIGRATE);
      assertThat(counter(source)).isEqualTo(moved);
      assertThatThrownBy(source::resume).hasMessageContaining("migrated away");
    }
  }

  @Test
  void aMissingKernelIsSaidAndLeavesNothingBehind() {
    assertThatThrownBy(() -> machine(1, Optional.of(directory.resolve("absent")), false))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("absent: no such file");
    assertThat(console.isClosed()).isTrue();
  }

  @Test
  void aDeviceThatCannotBeMadeLeavesNothingBehind() {
    AtomicBoolean closed = new AtomicBoolean();
    MachineConfig config =
        config(1, Optional.empty())
            .asDestination()
            .withDevices(
                builder -> builder.owned(closed, flag -> flag.set(true)),
                builder -> {
                  throw new IOException("no such disk");
                });
    assertThatThrownBy(() -> new Machine(config)).hasMessage("no such disk");
    assertThat(closed).isTrue();
    assertThat(console.isClosed()).isTrue();
  }

  @Test
  void aMissingKvmClosesTheConsole() {
    MachineConfig config =
        new MachineConfig(
            directory.resolve("kvm"), RamConfig.anonymous(MEMORY), 1, Optional.empty(), console);
    assertThatThrownBy(() -> new Machine(config)).isInstanceOf(IOException.class);
    assertThat(console.isClosed()).isTrue();
  }
}
