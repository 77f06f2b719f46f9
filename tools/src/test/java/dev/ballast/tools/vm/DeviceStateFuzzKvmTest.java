package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A seeded fuzzer over the state of every device, vCPU and interrupt controller of a real machine:
 * what a destination loads before it runs anything. Nothing but an {@link IOException} comes out,
 * and the machine is still one that can be closed.
 */
@Tag("kvm")
@Timeout(180)
class DeviceStateFuzzKvmTest {
  private static final long SEED = 4711;
  private static final int TRIES = 400;
  private static final long[] EDGES = {
    0,
    1,
    -1,
    2,
    128,
    256,
    257,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7fff_ffffL,
    0xffff_ffffL,
    Long.MAX_VALUE,
    Long.MIN_VALUE,
    Long.MAX_VALUE - 4095,
    128L << 20,
    (128L << 20) - 1,
    1L << 62
  };

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  private static byte[] mutate(byte[] state, SplittableRandom random) {
    byte[] changed = state.clone();
    for (int n = 1 + random.nextInt(4); n > 0 && changed.length > Long.BYTES; n--) {
      ByteBuffer bytes = ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN);
      int at = random.nextInt(changed.length - Long.BYTES);
      long edge = EDGES[random.nextInt(EDGES.length)];
      switch (random.nextInt(5)) {
        case 0 -> changed[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> bytes.putShort(at, (short) edge);
        case 2 -> bytes.putInt(at, (int) edge);
        case 3 -> bytes.putLong(at, edge);
        default -> bytes.putLong(at, random.nextLong());
      }
    }
    return random.nextInt(5) == 0
        ? Arrays.copyOf(changed, random.nextInt(2 * changed.length + 2))
        : changed;
  }

  @Test
  void mutatedStateIsLoadedOrRefused() throws Exception {
    System.out.println("DeviceStateFuzzKvmTest seed " + SEED);
    BareMachines machines = new BareMachines(directory, 128L << 20);
    try (KvmVirtualMachine vm = machines.make("fuzzed", true)) {
      List<? extends Snapshottable> parts = vm.machine().stateSections();
      assertThat(parts)
          .extracting(Snapshottable::stateName)
          .contains("vcpu0", "serial0", "balloon0")
          .hasSizeGreaterThan(6);
      for (Snapshottable part : parts) {
        StateWriter writer = new StateWriter();
        part.saveState(writer);
        byte[] whole = writer.toByteArray();
        int refused = 0;
        for (int i = 0; i < TRIES; i++) {
          SplittableRandom random = new SplittableRandom(SEED + i);
          int version = 1 + random.nextInt(part.stateVersion());
          StateReader reader = new StateReader(part.stateName(), mutate(whole, random));
          try {
            part.loadState(reader, version);
            reader.end();
          } catch (IOException e) {
            assertThat(e.getMessage()).as("%s, try %d", part.stateName(), i).isNotBlank();
            refused++;
          } catch (RuntimeException e) {
            throw new AssertionError(part.stateName() + ", try " + i, e);
          }
        }
        assertThat(refused).as("refused states of %s", part.stateName()).isPositive();
        part.loadState(new StateReader(part.stateName(), whole), part.stateVersion());
      }
    }
  }
}
