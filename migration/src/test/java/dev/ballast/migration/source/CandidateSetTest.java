package dev.ballast.migration.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.testing.TestBacking;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class CandidateSetTest {
  private static final long PAGE = 77;

  private final TestMachine machine = new TestMachine(4, RunState.RUNNING);
  private final RamBlock ram = machine.ramBlocks().getFirst();
  private final CandidateSet set = new CandidateSet(ram, machine.balloon().excluded());

  @Test
  void theFirstSetIsEverythingWithoutTheBalloon() throws IOException {
    machine.balloon().inflate(100, 50);
    set.sync();
    set.addAll();
    assertThat(set.exclude()).isEqualTo(50);
    assertThat(set.count()).isEqualTo(machine.pages() - 50);
    assertThat(set.exclude()).isZero();
  }

  @Test
  void theFilterIsAppliedAgainAfterEverySync() throws IOException {
    set.sync();
    machine.balloon().inflate(PAGE, 1);
    assertThat(set.sync()).as("a discard counts as a write").isEqualTo(1);
    assertThat(set.exclude()).isEqualTo(1);
    assertThat(set.count()).isZero();
  }

  @Test
  void aHostPageIsExcludedAsAWholeOrNotAtAll() throws IOException {
    long parts = 512;
    try (TestMachine huge =
        new TestMachine(new TestBacking(16 << 20, parts * RamBlock.PAGE_SIZE), RunState.RUNNING)) {
      CandidateSet whole = new CandidateSet(huge.ramBlocks().getFirst(), huge.balloon().excluded());
      huge.balloon().inflate(2 * parts, parts);
      huge.balloon().inflate(4 * parts + 1, 2 * parts - 1);
      whole.sync();
      whole.addAll();
      assertThat(whole.exclude()).isEqualTo(2 * parts);

      huge.balloon().deflate(2 * parts + 70, 1);
      huge.balloon().inflate(4 * parts, 1);
      whole.sync();
      assertThat(whole.excluded(2 * parts / 64)).as("one part came out").isZero();
      assertThat(whole.excluded(4 * parts / 64)).as("the last part came in").isEqualTo(-1);
      assertThat(whole.exclude()).isEqualTo(parts);
      assertThat(whole.count()).isEqualTo(huge.pages() - 3 * parts + 1);
    }
  }

  /**
   * A page is taken out of the balloon (its bit is cleared, then it is marked dirty, then the guest
   * writes to it) while the source fetches the log, drops what is excluded and takes the rest.
   * Whatever the order: the page is taken after its last write.
   */
  @Test
  void noOrderOfADeflateAndASyncLosesAPage() throws IOException {
    for (List<Integer> order : interleavings(4, 3)) {
      machine.balloon().inflate(PAGE, 1);
      machine.dirtyLog().start();
      set.sync();
      set.exclude();
      int guest = 0;
      int source = 0;
      boolean current = true;
      for (int who : order) {
        if (who == 0) {
          switch (guest++) {
            // The guest may write already before the device has handled its deflate.
            case 0, 3 -> {
              machine.guestWrite(PAGE, guest);
              current = false;
            }
            case 1 -> machine.balloon().excluded().remove(PAGE);
            case 2 -> machine.balloon().deflate(PAGE, 1);
            default -> throw new AssertionError(guest);
          }
        } else {
          switch (source++) {
            case 0 -> set.sync();
            case 1 -> set.exclude();
            case 2 -> current |= taken();
            default -> throw new AssertionError(source);
          }
        }
      }
      set.sync();
      set.exclude();
      current |= taken();
      assertThat(current).as("order %s (0 guest, 1 source)", order).isTrue();
    }
  }

  private boolean taken() {
    long word = set.take(PAGE >>> 6) & ~set.excluded(PAGE >>> 6);
    return (word & (1L << PAGE)) != 0;
  }

  private static List<List<Integer>> interleavings(int zeros, int ones) {
    List<List<Integer>> all = new ArrayList<>();
    if (zeros == 0 && ones == 0) {
      all.add(List.of());
    }
    for (int first = 0; first < 2; first++) {
      if ((first == 0 ? zeros : ones) > 0) {
        for (List<Integer> rest :
            interleavings(first == 0 ? zeros - 1 : zeros, first == 1 ? ones - 1 : ones)) {
          List<Integer> order = new ArrayList<>(List.of(first));
          order.addAll(rest);
          all.add(order);
        }
      }
    }
    return all;
  }
}
