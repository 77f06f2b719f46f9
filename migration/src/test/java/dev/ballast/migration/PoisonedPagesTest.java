package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.LossyRam;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A guest leaves a host that has lost some of its memory. */
@Timeout(120)
class PoisonedPagesTest {
  private static final long MIB = 64;
  private static final long LOST = 9_000;

  private static void assertArrivedWithout(long lost, TestMachine from, TestMachine to) {
    long size = lost * RamBlock.PAGE_SIZE;
    assertThat(MemorySegment.mismatch(from.ram(), 0, size, to.ram(), 0, size)).isEqualTo(-1);
    MemorySegment rest = to.ram().asSlice(size);
    assertThat(rest.mismatch(MemorySegment.ofArray(new byte[(int) rest.byteSize()])))
        .as("zeros")
        .isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3})
  void theGuestMovesAndZerosArriveForWhatIsLost(int streams) throws Exception {
    LossyRam ram = new LossyRam(MIB << 20);
    try (TestMachine a = new TestMachine(ram, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, a.pages(), 1);
      ram.loseFrom(LOST);

      Hop hop = Hop.run(a, b, Hop.over(streams, Hop.PARAMETERS));

      assertThat(hop.failure()).isNull();
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(hop.progress().ram().poisoned()).isEqualTo(a.pages() - LOST);
      assertThat(hop.progress().ram().normal()).isEqualTo(LOST);
      assertArrivedWithout(LOST, a, b);
    }
  }

  /** The destination has their old content by then. */
  @Test
  void pagesThatAreLostAfterTheyWereSentBecomeZero() throws Exception {
    LossyRam ram = new LossyRam(MIB << 20);
    try (TestMachine a = new TestMachine(ram, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, a.pages(), 1);
      long before = a.pages() - 10;
      MigrationListener listener =
          new MigrationListener() {
            @Override
            public void statusChanged(MigrationStatus status) {
              if (status == MigrationStatus.DEVICE) {
                loseAfterAWrite(a, ram, before);
              }
            }
          };

      Hop hop = Hop.run(a, b, Hop.PARAMETERS, Hop.DESTINATION, listener);

      assertThat(hop.failure()).isNull();
      assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
      assertThat(hop.progress().ram().poisoned()).isEqualTo(10);
      assertArrivedWithout(before, a, b);
    }
  }

  private static void loseAfterAWrite(TestMachine machine, LossyRam ram, long first) {
    for (long page = first; page < machine.pages(); page++) {
      machine.guestWrite(page, 5);
    }
    try {
      ram.loseFrom(first);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
