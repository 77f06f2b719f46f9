package dev.ballast.vmm.machine;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.memory.RamConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What tests of machines with a guest of a few instructions share, on the real KVM. */
abstract class TinyGuestFixture {
  static final long MEMORY = 64L << 20;

  /** Where {@link #COUNTER} counts, and other guests wait for a word. */
  static final long WORD = 0x20_0000;

  /** Counts in EBX and at {@link #WORD} for ever. */
  static final int[] COUNTER = {
    0x31, 0xdb, // xor ebx, ebx
    0x43, // inc ebx
    0x89, 0x1d, 0x00, 0x00, 0x20, 0x00, // mov [0x200000], ebx
    0xeb, 0xf7, // jmp back to inc
  };

  private static final Path KVM = Path.of("/dev/kvm");

  @TempDir Path directory;

  /** What the machines of {@link #machine} reported. */
  final List<MachineEvent> events = new CopyOnWriteArrayList<>();

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  /** Writes a kernel of some code. */
  final Path kernel(int... code) throws IOException {
    return TinyGuest.write(directory, code);
  }

  /** Returns a machine with one vCPU, which boots a kernel if there is one. */
  static MachineConfig config(Optional<Path> kernel) {
    Optional<KernelConfig> boots =
        kernel.map(file -> new KernelConfig(file, Optional.empty(), "", KernelConfig.Mode.AUTO));
    return new MachineConfig(KVM, RamConfig.anonymous(MEMORY), 1, boots, new TestConsole());
  }

  final Machine machine(MachineConfig config) throws IOException {
    Machine machine = new Machine(config);
    machine.addListener(events::add);
    return machine;
  }

  /** Makes a machine that boots some code. */
  final Machine machine(int... code) throws IOException {
    return machine(config(Optional.of(kernel(code))));
  }

  static int word(Machine machine, long address) throws Exception {
    return machine.memory().readU32(address);
  }

  /** Waits until {@link #COUNTER} counts. */
  static void awaitProgress(Machine machine) throws Exception {
    int before = word(machine, WORD);
    await().until(() -> word(machine, WORD) != before);
  }
}
