package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A machine that loads the state it has just saved, as every destination does, is unchanged. */
@Tag("kvm")
@Timeout(120)
class OwnStateKvmTest {
  private static final int SAVES = 20;
  private static final int PIT_STATE = 112; // at the end of its section
  private static final int PIT_CHANNELS = 3;
  private static final int PIT_CHANNEL = 24;
  private static final long TICKS_NANOS = 5_000_000;
  private static final int PIT_LOAD_TIME = 16;

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  private static byte[] save(Snapshottable part) throws IOException {
    StateWriter writer = new StateWriter();
    part.saveState(writer);
    return writer.toByteArray();
  }

  private static void load(Snapshottable part, byte[] state) throws IOException {
    StateReader reader = new StateReader(part.stateName(), state);
    part.loadState(reader, part.stateVersion());
    reader.end();
  }

  /** Returns the bytes in which a state differs from those that are saved now. */
  private static BitSet changing(Snapshottable part, byte[] state) throws IOException {
    BitSet changing = new BitSet();
    // Long enough for every clock to go on: the slowest ticks 3.6 million times a second.
    long end = System.nanoTime() + TICKS_NANOS;
    for (int i = 0; i < SAVES || System.nanoTime() - end < 0; i++) {
      byte[] now = save(part);
      assertThat(now).as(part.stateName()).hasSameSizeAs(state);
      for (int at = 0; at < state.length; at++) {
        if (now[at] != state[at]) {
          changing.set(at);
        }
      }
    }
    return changing;
  }

  /** Returns the bytes of all words that one of these can belong to: a clock may carry. */
  private static BitSet words(BitSet bytes) {
    BitSet words = new BitSet();
    bytes.stream().forEach(at -> words.set(Math.max(0, at - Long.BYTES + 1), at + Long.BYTES));
    return words;
  }

  /**
   * Returns where KVM notes when the PIT's counters were loaded ({@code struct kvm_pit_state2}).
   */
  private static BitSet loadTimes(Snapshottable part, int length) {
    BitSet times = new BitSet();
    if (part.stateName().equals("kvm-irqchip")) {
      for (int channel = 0; channel < PIT_CHANNELS; channel++) {
        int at = length - PIT_STATE + channel * PIT_CHANNEL + PIT_LOAD_TIME;
        times.set(at - Long.BYTES + 1, at + 2 * Long.BYTES - 1);
      }
    }
    return times;
  }

  @Test
  void everySectionIsTheSameAfterItsOwnStateWasLoaded() throws Exception {
    BareMachines machines = new BareMachines(directory, 128L << 20);
    try (KvmVirtualMachine vm = machines.make("incoming", true);
        SocketChannel typing =
            SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve("incoming")))) {
      typing.write(ByteBuffer.wrap("typed early".getBytes(StandardCharsets.US_ASCII)));
      List<? extends Snapshottable> parts = vm.machine().stateSections();
      assertThat(parts).hasSizeGreaterThan(6);
      for (Snapshottable part : parts) {
        byte[] before = save(part);
        BitSet clocks = words(changing(part, before));
        for (int i = 0; i < 3; i++) {
          load(part, save(part));
        }
        BitSet changed = changing(part, before);
        changed.andNot(clocks);
        changed.andNot(loadTimes(part, before.length));
        assertThat(changed.stream().boxed()).as("bytes of %s", part.stateName()).isEmpty();
      }
    }
  }

  @Test
  void whatWasTypedBeforeTheGuestCameIsDeliveredOnce() throws Exception {
    BareMachines machines = new BareMachines(directory, 128L << 20);
    try (KvmVirtualMachine source = machines.make("source", false);
        KvmVirtualMachine destination = machines.make("destination", true);
        BareGuestConsole console = machines.console("source");
        SocketChannel typing =
            SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve("destination")))) {
      source.cont();
      console.awaitReady(BareMachines.TIMEOUT);
      typing.write(ByteBuffer.wrap("inflate 10 @70\n".getBytes(StandardCharsets.US_ASCII)));
      assertThat(machines.migrate(source, destination).status())
          .isEqualTo(MigrationStatus.COMPLETED);
      typing.write(ByteBuffer.wrap("count @71\n".getBytes(StandardCharsets.US_ASCII)));
      BufferedReader screen =
          new BufferedReader(
              new InputStreamReader(Channels.newInputStream(typing), StandardCharsets.US_ASCII));
      assertThat(screen.readLine()).startsWith("BARE ok inflate pages=10").endsWith("@70");
      assertThat(screen.readLine()).startsWith("BARE ok count ").endsWith("@71");
    }
  }
}
