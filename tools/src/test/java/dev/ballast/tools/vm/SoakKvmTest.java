package dev.ballast.tools.vm;

import static dev.ballast.tools.vm.BareGuests.MEMORY;
import static dev.ballast.tools.vm.BareGuests.MIB;
import static dev.ballast.tools.vm.BareGuests.TIMEOUT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A guest that moves and moves, its balloon with it: nothing wears out. {@code -Dballast.hops=N}
 * says how often.
 */
@Tag("kvm")
@Tag("soak")
class SoakKvmTest {
  private static final int HOPS = Integer.getInteger("ballast.hops", 300);

  /** What the process may grow by from the first tenth of the hops to the end. */
  private static final long CREEP_BYTES = 64 * MIB;

  @TempDir Path directory;

  @Test
  void aGuestMovesHundredsOfTimes() throws Exception {
    long seed = Long.getLong("ballast.seed", System.nanoTime());
    System.out.println("SoakKvmTest seed " + seed + ", " + HOPS + " hops");
    SplittableRandom random = new SplittableRandom(seed);
    try (BareGuests machines = new BareGuests(directory)) {
      KvmVirtualMachine here = machines.source("vm0", "");
      BareGuestConsole guest = machines.boot(here);
      guest.send("fill 16M 32M 7", TIMEOUT);
      guest.send("dirty 64M 8M 20M 5", TIMEOUT);
      long ticks = 0;
      long settled = 0;
      int descriptors = 0;
      for (int hop = 1; hop <= HOPS; hop++) {
        boolean skip = random.nextInt(4) != 0;
        boolean streams = random.nextBoolean();
        // Not waited for: the balloon is on its way while the guest moves.
        here.balloon().orElseThrow().setTarget(MEMORY - random.nextLong(128) * MIB);
        KvmVirtualMachine next = machines.destination("vm" + hop);
        here.migration().setCapabilities(Map.of(MigrationCapability.MULTIFD, streams));
        MigrationProgress info = machines.migrate(here, next, skip);
        assertThat(info.balloon().active()).as("seed %d, hop %d", seed, hop).isEqualTo(skip);
        machines.end(here);
        here = next;
        guest = machines.console(here);
        guest.send("check 16M 32M 7", TIMEOUT);
        long now = guest.send("count", TIMEOUT).number("count");
        assertThat(now).as("seed %d, hop %d: time goes on", seed, hop).isGreaterThan(ticks);
        ticks = now;
        if (hop == Math.max(1, HOPS / 10)) {
          settled = residentBytes();
          descriptors = descriptors();
        }
        if (hop % 20 == 0) {
          System.out.printf(
              "SoakKvmTest: %d hops, RSS %d MiB, %d descriptors, %d threads%n",
              hop, residentBytes() / MIB, descriptors(), Thread.activeCount());
        }
      }
      guest.send("stop", TIMEOUT);
      guest.send("check-dirty", TIMEOUT);
      assertThat(residentBytes()).as("seed %d", seed).isLessThan(settled + CREEP_BYTES);
      assertThat(descriptors()).as("seed %d", seed).isLessThanOrEqualTo(descriptors + 4);
    }
  }

  private static long residentBytes() throws IOException {
    String pages = Files.readString(Path.of("/proc/self/statm")).split(" ", -1)[1];
    return Long.parseLong(pages) * RamBlock.PAGE_SIZE;
  }

  private static int descriptors() throws IOException {
    int count = 0;
    try (DirectoryStream<Path> open = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path _ : open) {
        count++;
      }
    }
    return count;
  }
}
