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

  private static RefineResult sync(CandidateSet candidates) throws IOException {
    candidates.fetch();
    return candidates.refine(() -> {});
  }

  /** Takes all candidates as a stream does. */
  private static long takeAll(CandidateSet candidates) throws IOException {
    long taken = 0;
    Span into = candidates.newSpan();
    for (long span = candidates.nextSpan(0); span >= 0; span = candidates.nextSpan(span + 1)) {
      candidates.takeSpan(span, false, into);
      taken += into.taken();
    }
    return taken;
  }

  @Test
  void theFirstSetIsWhatHasMemoryWithoutTheBalloon() throws IOException {
    machine.fill(90, 200, 1);
    machine.balloon().inflate(100, 50);
    machine.dirtyLog().start();
    assertThat(sync(set)).isEqualTo(new RefineResult(150, 50, machine.pages() - 200));
    assertThat(takeAll(set)).isEqualTo(150);
  }

  @Test
  void pagesOfALogThatStartsEmptyAreCandidatesOnce() throws IOException {
    machine.fill(7, 1, 1);
    machine.dirtyLog().start();
    machine.dirtyLog().protectAll();
    assertThat(sync(set).candidates()).isEqualTo(1);
    takeAll(set);
    assertThat(sync(set)).isEqualTo(new RefineResult(0, 0, 0));
  }

  @Test
  void candidatesThatWereNotTakenStay() throws IOException {
    machine.fill(PAGE, 1, 1);
    machine.dirtyLog().start();
    sync(set);
    takeAll(set);
    machine.balloon().deflate(PAGE, 1);
    assertThat(sync(set).candidates()).as("what the VMM wrote").isEqualTo(1);
    assertThat(sync(set).candidates()).isEqualTo(1);
    assertThat(takeAll(set)).isEqualTo(1);
    assertThat(sync(set).candidates()).isZero();
  }

  @Test
  void aPageWithoutMemoryIsACandidateOnceTheGuestWritesToIt() throws IOException {
    machine.dirtyLog().start();
    assertThat(sync(set).candidates()).isZero();
    takeAll(set);
    machine.guestWrite(PAGE, 1);
    assertThat(sync(set).candidates()).isEqualTo(1);
    assertThat(set.nextSpan(0)).isEqualTo(PAGE / set.newSpan().length());
    assertThat(set.nextSpan(1)).isEqualTo(-1);
  }

  @Test
  void aPageThatWasSentAndIsGoneIsACandidate() throws IOException {
    machine.guestWrite(PAGE, 1);
    machine.dirtyLog().start();
    sync(set);
    takeAll(set);
    set.markSent(PAGE, 1);
    machine.balloon().inflate(PAGE, 1);
    machine.balloon().deflate(PAGE, 1);
    assertThat(sync(set).candidates()).isEqualTo(1);
    Span into = set.newSpan();
    assertThat(set.takeSpan(0, false, into)).isTrue();
    assertThat(into.pages().get(PAGE)).isTrue();
    assertThat(into.populated().get(PAGE)).isFalse();
    assertThat(set.clearSent(PAGE)).as("has to be sent as zero").isTrue();
    assertThat(set.clearSent(PAGE)).isFalse();
  }

  @Test
  void whatIsExcludedAfterTheSyncIsTakenOutAndLeftOut() throws IOException {
    machine.fill(PAGE, 3, 1);
    machine.dirtyLog().start();
    assertThat(sync(set).candidates()).isEqualTo(3);
    machine.balloon().inflate(PAGE + 1, 1);
    Span into = set.newSpan();
    assertThat(set.takeSpan(0, false, into)).isTrue();
    assertThat(into.taken()).isEqualTo(3);
    assertThat(into.pages().cardinality()).isEqualTo(2);
    assertThat(into.pages().get(PAGE + 1)).isFalse();
    assertThat(into.populated().get(PAGE + 1)).isFalse();
  }

  @Test
  void theFilterIsAppliedAgainAfterEverySync() throws IOException {
    machine.guestWrite(PAGE, 1);
    machine.guestWrite(PAGE + 1, 1);
    machine.dirtyLog().start();
    assertThat(sync(set).candidates()).isEqualTo(2);
    set.markSent(PAGE, 2);
    takeAll(set);
    machine.guestWrite(PAGE, 2);
    machine.balloon().inflate(PAGE, 1);
    RefineResult found = sync(set);
    assertThat(found.candidates()).isZero();
    assertThat(found.excluded()).isEqualTo(1);
  }

  @Test
  void withoutTheFilterWhatWasExcludedComesBack() throws IOException {
    machine.guestWrite(PAGE, 1);
    machine.balloon().excluded().add(PAGE);
    machine.dirtyLog().start();
    assertThat(sync(set).candidates()).isZero();
    takeAll(set);
    set.fetch();
    set.excludeNothing();
    assertThat(set.refine(() -> {}).candidates()).isEqualTo(1);
  }

  @Test
  void aHostPageIsExcludedAsAWholeOrNotAtAll() throws IOException {
    long parts = 512;
    try (TestMachine huge =
        new TestMachine(new TestBacking(16 << 20, parts * RamBlock.PAGE_SIZE), RunState.RUNNING)) {
      huge.fill(0, huge.pages(), 1);
      CandidateSet whole = new CandidateSet(huge.ramBlocks().getFirst(), huge.balloon().excluded());
      huge.balloon().inflate(2 * parts, parts);
      huge.balloon().inflate(4 * parts + 1, 2 * parts - 1);
      huge.dirtyLog().start();
      assertThat(sync(whole)).isEqualTo(new RefineResult(huge.pages() - 2 * parts, 2 * parts, 0));
      takeAll(whole);

      huge.balloon().deflate(2 * parts + 70, 1);
      huge.guestWrite(2 * parts + 70, 1);
      huge.balloon().inflate(4 * parts, 1);
      assertThat(sync(whole).excluded()).isEqualTo(2 * parts);
      ExcludedPages excluded =
          new ExcludedPages(huge.ramBlocks().getFirst(), huge.balloon().excluded());
      assertThat(excluded.word(2 * parts / 64)).as("one part came out").isZero();
      assertThat(excluded.word(4 * parts / 64)).as("the last part came in").isEqualTo(-1);
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
      machine.dirtyLog().protectAll();
      sync(set);
      taken();
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
            case 0 -> set.fetch();
            case 1 -> set.refine(() -> {});
            case 2 -> current |= taken();
            default -> throw new AssertionError(source);
          }
        }
      }
      sync(set);
      current |= taken();
      assertThat(current).as("order %s (0 guest, 1 source)", order).isTrue();
    }
  }

  private boolean taken() throws IOException {
    Span into = set.newSpan();
    set.takeSpan(PAGE / set.newSpan().length(), false, into);
    return into.pages().get(PAGE);
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
