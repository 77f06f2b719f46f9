package dev.ballast.migration.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

/**
 * All that can happen between READY and RUNNING, searched exhaustively: every message delivered,
 * delayed or lost with its connection, every side out of patience, or dead, at every moment. Where
 * the guest is follows the real transitions ({@link SourceHandover}, {@link DestinationHandover});
 * the steps of both sides are written again here, and {@code HandoverTest} holds the real ones.
 */
class HandoverModelTest {
  /** What is on the wire; FIN is the end of a direction. */
  private enum Wire {
    READY,
    COMMIT,
    RUNNING,
    ERROR,
    FIN
  }

  /** What a side does next. */
  private enum Step {
    /** Source: waits for READY. */
    AWAIT_READY,
    /** Source: has READY, and looks once more before COMMIT. */
    LOOK,
    /** Source: writes COMMIT. */
    COMMIT,
    /** Source: waits for RUNNING. Destination: waits for COMMIT. */
    AWAIT,
    /** Destination: starts vCPUs. */
    START,
    /** Destination: says RUNNING. */
    CONFIRM,
    /** The migration is over for this side. */
    OVER,
    /** The process is gone. */
    DEAD
  }

  /**
   * All of both sides and what is between them.
   *
   * @param source where the source believes the guest to be
   * @param sourceStep what the source does next
   * @param destination where the destination knows it to be
   * @param destinationStep what the destination does next
   * @param forth what is on its way to the destination, first first
   * @param back what is on its way to the source, first first
   * @param cut whether the connection is gone: nothing is delivered any more
   */
  private record State(
      SourceHandover source,
      Step sourceStep,
      DestinationHandover destination,
      Step destinationStep,
      List<Wire> forth,
      List<Wire> back,
      boolean cut) {
    static final State START =
        new State(
            SourceHandover.HERE,
            Step.AWAIT_READY,
            DestinationHandover.WAITING,
            Step.AWAIT,
            List.of(),
            List.of(Wire.READY),
            false);

    State source(SourceHandover next, Step step, Wire... sent) {
      return new State(next, step, destination, destinationStep, plus(forth, sent), back, cut);
    }

    State destination(DestinationHandover next, Step step, Wire... sent) {
      return new State(source, sourceStep, next, step, forth, plus(back, sent), cut);
    }

    State takeForth() {
      List<Wire> rest = forth.subList(1, forth.size());
      return new State(source, sourceStep, destination, destinationStep, rest, back, cut);
    }

    State takeBack() {
      List<Wire> rest = back.subList(1, back.size());
      return new State(source, sourceStep, destination, destinationStep, forth, rest, cut);
    }

    /** The connection breaks: of what is on its way, only so much still arrives. */
    State cut(int forthLeft, int backLeft) {
      return new State(
          source,
          sourceStep,
          destination,
          destinationStep,
          forth.subList(0, forthLeft),
          back.subList(0, backLeft),
          true);
    }

    private List<Wire> plus(List<Wire> wire, Wire... sent) {
      if (cut) {
        return wire;
      }
      List<Wire> result = new ArrayList<>(wire);
      result.addAll(List.of(sent));
      return List.copyOf(result);
    }

    boolean runsAtSource() {
      return sourceStep == Step.OVER && source == SourceHandover.HERE;
    }

    boolean runsAtDestination() {
      return destination == DestinationHandover.HERE && destinationStep != Step.DEAD;
    }

    /** Whether {@code cont} at the source is possible: the user's own decision. */
    boolean canBeContinued() {
      return sourceStep == Step.OVER && source == SourceHandover.UNKNOWN;
    }

    /** Whether a process died that held the guest: it went down with it, as any guest would. */
    boolean diedWithItsHolder() {
      return (sourceStep == Step.DEAD && destination != DestinationHandover.HERE)
          || (destinationStep == Step.DEAD && destination == DestinationHandover.HERE);
    }
  }

  /** One way to get the protocol wrong, for the search to find. */
  private enum Mistake {
    NONE,
    /** The destination says ERROR although the guest has run. */
    ERROR_ALTHOUGH_IT_RUNS,
    /** The source takes the guest back when it hears nothing after COMMIT. */
    SILENCE_IS_REFUSAL,
    /** The source throws the guest away whatever follows COMMIT. */
    NEVER_TAKES_BACK
  }

  /** The search: every state that can be reached, and how it was. */
  private static final class Search {
    final Mistake mistake;
    final Map<State, String> reached = new HashMap<>();
    final Deque<State> open = new ArrayDeque<>();
    final List<State> ends = new ArrayList<>();
    int transitions;

    Search(Mistake mistake) {
      this.mistake = mistake;
      visit(State.START, "READY sent");
      while (!open.isEmpty()) {
        State state = open.remove();
        String path = Objects.requireNonNull(reached.get(state));
        int before = transitions;
        sourceMoves(state, path);
        destinationMoves(state, path);
        if (transitions == before) {
          ends.add(state);
        }
        accidents(state, path);
      }
    }

    void visit(State state, String path) {
      transitions++;
      if (reached.putIfAbsent(state, path) == null) {
        open.add(state);
      }
    }

    private void sourceMoves(State s, String path) {
      Wire first = s.back().isEmpty() ? null : s.back().getFirst();
      SourceHandover where = s.source();
      switch (s.sourceStep()) {
        case AWAIT_READY -> {
          if (first == Wire.READY) {
            visit(s.takeBack().source(where, Step.LOOK), path + ", source reads READY");
          } else if (first != null) {
            visit(
                s.takeBack().source(where.lost(), Step.OVER, Wire.ERROR, Wire.FIN),
                path + ", source reads " + first);
          }
          giveUp(s, where.lost(), path);
        }
        case LOOK -> {
          if (first == null) {
            visit(s.source(where, Step.COMMIT), path + ", source sees nothing behind READY");
          } else {
            visit(
                s.takeBack().source(where.refused().lost(), Step.OVER, Wire.ERROR, Wire.FIN),
                path + ", source sees " + first + " behind READY");
          }
        }
        case COMMIT -> {
          visit(s.source(where.committed(), Step.AWAIT, Wire.COMMIT), path + ", COMMIT");
          if (s.cut()) {
            visit(s.source(where.lost(), Step.OVER), path + ", COMMIT cannot be written");
          }
        }
        case AWAIT -> {
          if (first == Wire.RUNNING) {
            visit(
                s.takeBack().source(where.confirmed(), Step.OVER), path + ", source reads RUNNING");
          } else if (first == Wire.ERROR) {
            SourceHandover next =
                mistake == Mistake.NEVER_TAKES_BACK ? SourceHandover.THERE : where.refused();
            visit(s.takeBack().source(next, Step.OVER, Wire.FIN), path + ", source reads ERROR");
          } else if (first != null) {
            visit(
                s.takeBack().source(afterSilence(where), Step.OVER, Wire.FIN),
                path + ", source reads " + first);
          }
          giveUp(s, afterSilence(where), path);
        }
        case START, CONFIRM, OVER, DEAD -> {}
      }
    }

    private SourceHandover afterSilence(SourceHandover where) {
      return switch (mistake) {
        case SILENCE_IS_REFUSAL -> where.refused();
        case NEVER_TAKES_BACK -> SourceHandover.THERE;
        case NONE, ERROR_ALTHOUGH_IT_RUNS -> where.lost();
      };
    }

    /** Silence for too long, a cancel, or a user who quits: possible whatever is on its way. */
    private void giveUp(State s, SourceHandover next, String path) {
      visit(s.source(next, Step.OVER, Wire.ERROR, Wire.FIN), path + ", source gives up");
    }

    private void destinationMoves(State s, String path) {
      Wire first = s.forth().isEmpty() ? null : s.forth().getFirst();
      DestinationHandover where = s.destination();
      switch (s.destinationStep()) {
        case AWAIT -> {
          if (first == Wire.COMMIT) {
            visit(
                s.takeForth().destination(where.committed(), Step.START),
                path + ", destination reads COMMIT");
          } else if (first != null) {
            refuse(s.takeForth(), path + ", destination reads " + first);
          }
          refuse(s, path + ", destination gives up");
        }
        case START -> {
          visit(s.destination(where.started(), Step.CONFIRM), path + ", vCPUs start");
          refuse(s, path + ", vCPUs cannot be started");
        }
        case CONFIRM -> {
          visit(s.destination(where, Step.OVER, Wire.RUNNING, Wire.FIN), path + ", RUNNING");
          // Something else fails after the guest was started.
          refuse(s, path + ", destination fails although the guest runs");
        }
        case AWAIT_READY, LOOK, COMMIT, OVER, DEAD -> {}
      }
    }

    private void refuse(State s, String path) {
      DestinationHandover next = s.destination().gaveUp();
      boolean says = next.mayRefuse() || mistake == Mistake.ERROR_ALTHOUGH_IT_RUNS;
      visit(
          says
              ? s.destination(next, Step.OVER, Wire.ERROR, Wire.FIN)
              : s.destination(next, Step.OVER, Wire.FIN),
          path);
    }

    /** What may happen to the connection and to either process, at any moment. */
    private void accidents(State s, String path) {
      if (!s.cut()) {
        for (int forth = 0; forth <= s.forth().size(); forth++) {
          for (int back = 0; back <= s.back().size(); back++) {
            visit(s.cut(forth, back), path + ", cut");
          }
        }
      }
      if (s.sourceStep() != Step.DEAD) {
        visit(s.source(s.source(), Step.DEAD, Wire.FIN), path + ", source dies");
      }
      if (s.destinationStep() != Step.DEAD) {
        visit(s.destination(s.destination(), Step.DEAD, Wire.FIN), path + ", destination dies");
      }
    }

    List<String> where(Predicate<State> predicate) {
      return reached.entrySet().stream()
          .filter(entry -> predicate.test(entry.getKey()))
          .map(Map.Entry::getValue)
          .toList();
    }

    List<String> runsTwice() {
      return where(state -> state.runsAtSource() && state.runsAtDestination());
    }

    List<String> lost() {
      return where(
          state ->
              ends.contains(state)
                  && !state.runsAtSource()
                  && !state.runsAtDestination()
                  && !state.canBeContinued()
                  && !state.diedWithItsHolder());
    }
  }

  @Test
  void theGuestRunsOnceAndIsNeverLost() {
    Search search = new Search(Mistake.NONE);

    System.out.printf(
        "HandoverModelTest: %d states, %d transitions, %d ends%n",
        search.reached.size(), search.transitions, search.ends.size());
    assertThat(search.runsTwice()).isEmpty();
    assertThat(search.lost()).isEmpty();
    assertThat(search.where(State::runsAtSource)).isNotEmpty();
    assertThat(search.where(State::runsAtDestination)).isNotEmpty();
    assertThat(search.where(State::canBeContinued)).isNotEmpty();
  }

  /** As long as both live and the connection holds, nobody has to decide where the guest is. */
  @Test
  void withoutDeathsAndCutsItIsKnownWhereTheGuestIs() {
    Search search = new Search(Mistake.NONE);

    assertThat(
            search.where(
                state ->
                    state.source() == SourceHandover.UNKNOWN
                        && state.destination() == DestinationHandover.REFUSED
                        && state.back().isEmpty()
                        && !state.cut()
                        && state.destinationStep() == Step.OVER))
        .allMatch(path -> path.contains("source gives up"));
  }

  @Test
  void theSearchFindsWhatWouldBeWrong() {
    assertThat(new Search(Mistake.ERROR_ALTHOUGH_IT_RUNS).runsTwice()).isNotEmpty();
    assertThat(new Search(Mistake.SILENCE_IS_REFUSAL).runsTwice()).isNotEmpty();
    assertThat(new Search(Mistake.NEVER_TAKES_BACK).lost()).isNotEmpty();
  }
}
