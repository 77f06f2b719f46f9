package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.virtio.balloon.BalloonConfig;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** Machines with bare guests on the real KVM, and what tests do with them. One thread. */
final class BareGuests implements AutoCloseable {
  static final long MIB = 1 << 20;
  static final long MEMORY = 256 * MIB;
  static final Duration TIMEOUT = Duration.ofSeconds(60);

  private static final Path KVM = Path.of("/dev/kvm");

  private final Path directory;
  private final BareMachines machines;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private final Map<String, BareGuestConsole> consoles = new HashMap<>();

  /**
   * @param directory for sockets
   */
  BareGuests(Path directory) {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
    this.directory = directory;
    this.machines = new BareMachines(directory, MEMORY);
  }

  /** Makes a machine with a balloon that boots; it does not run yet. */
  KvmVirtualMachine source(String name, String words) throws IOException {
    return make(name, false, Optional.of(BalloonConfig.DEFAULT), words);
  }

  /** Makes a machine with a balloon that waits for a guest. */
  KvmVirtualMachine destination(String name) throws IOException {
    return make(name, true, Optional.of(BalloonConfig.DEFAULT), "");
  }

  /**
   * Makes a machine.
   *
   * @param words for the guest's command line
   */
  KvmVirtualMachine make(
      String name, boolean incoming, Optional<BalloonConfig> balloon, String words)
      throws IOException {
    KvmVirtualMachine machine = machines.make(name, incoming, balloon, words);
    open.push(machine);
    return machine;
  }

  /** Returns where a socket of that name is. */
  Path socket(String name) {
    return directory.resolve(name);
  }

  /** Returns the one client of a machine's serial line. */
  BareGuestConsole console(KvmVirtualMachine machine) throws IOException {
    BareGuestConsole known = consoles.get(machine.name());
    if (known != null) {
      return known;
    }
    BareGuestConsole console = machines.console(machine.name());
    open.push(console);
    consoles.put(machine.name(), console);
    return console;
  }

  /** Lets a machine run and waits for its guest. */
  BareGuestConsole boot(KvmVirtualMachine machine) throws Exception {
    BareGuestConsole console = console(machine);
    machine.cont();
    console.awaitReady(TIMEOUT);
    return console;
  }

  /** Starts to move a guest, with memory compared at the end. */
  void startMigration(KvmVirtualMachine from, KvmVirtualMachine to, boolean skip)
      throws VmException {
    String uri = "unix:" + socket(to.name() + ".migration");
    to.migration().startIncoming(uri);
    startMigration(from, uri, skip);
  }

  /** Starts to move a guest to where somebody listens already. */
  void startMigration(KvmVirtualMachine from, String uri, boolean skip) throws VmException {
    from.migration()
        .setCapabilities(
            Map.of(MigrationCapability.SKIP_BALLOON, skip, MigrationCapability.VERIFY, true));
    from.migration().start(uri);
  }

  /** Waits until the guest has arrived, and wants it to run there with its memory compared. */
  MigrationProgress awaitArrival(KvmVirtualMachine from, KvmVirtualMachine to) {
    await().atMost(TIMEOUT).until(() -> !from.migration().progress().status().underWay());
    MigrationProgress info = from.migration().progress();
    assertThat(info.error()).isEmpty();
    assertThat(info.status()).isEqualTo(MigrationStatus.COMPLETED);
    assertThat(info.times().verify()).isPresent();
    assertThat(from.runState()).isEqualTo(RunState.POSTMIGRATE);
    assertThat(to.runState()).isEqualTo(RunState.RUNNING);
    return info;
  }

  /** Moves a guest. */
  MigrationProgress migrate(KvmVirtualMachine from, KvmVirtualMachine to, boolean skip)
      throws VmException {
    startMigration(from, to, skip);
    return awaitArrival(from, to);
  }

  /** Ends a machine whose guest has gone, and its console. */
  void end(KvmVirtualMachine machine) throws IOException {
    BareGuestConsole console = consoles.remove(machine.name());
    if (console != null) {
      open.remove(console);
      console.close();
    }
    open.remove(machine);
    machine.close();
  }

  /** Returns the transport of the balloon. */
  static VirtioMmio transport(KvmVirtualMachine machine) {
    return machine.machine().stateSections().stream()
        .filter(VirtioMmio.class::isInstance)
        .map(VirtioMmio.class::cast)
        .findFirst()
        .orElseThrow();
  }

  /** Returns how many pages are in the bitmap. */
  static long ballooned(KvmVirtualMachine machine) {
    return machine.balloon().orElseThrow().bitmap().cardinality();
  }

  /** Wants the bitmap of a quiet guest to be what the guest says that it has given. */
  static void assertBitmapIsExact(KvmVirtualMachine machine) {
    assertThat(ballooned(machine) * RamBlock.PAGE_SIZE)
        .isEqualTo(MEMORY - machine.balloon().orElseThrow().actualBytes());
  }

  /** Returns the pages of guest RAM that have host memory. */
  static PageBitmap populated(KvmVirtualMachine machine) throws IOException {
    RamBlock ram = machine.machine().ramBlocks().getFirst();
    PageBitmap populated = PageBitmap.allocate(ram.pages());
    ram.addPopulated(populated);
    return populated;
  }

  @Override
  public void close() throws IOException {
    while (!open.isEmpty()) {
      try {
        open.pop().close();
      } catch (IOException | RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IOException(e);
      }
    }
  }
}
