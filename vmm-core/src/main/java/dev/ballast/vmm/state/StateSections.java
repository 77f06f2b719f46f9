package dev.ballast.vmm.state;

import dev.ballast.vmm.thread.Batch;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executor;

/**
 * Saves and loads the parts of a machine in order. Parts with a thread of their own ({@link
 * Snapshottable#executor}) that follow each other are worked on at the same time; a part without
 * one waits for all before it.
 */
public final class StateSections {
  private StateSections() {}

  /**
   * Saves all parts.
   *
   * @param parts in load order; none has the calling thread as its own
   * @return their states, in the same order
   * @throws IOException if one cannot be saved: the first of those that cannot
   */
  public static List<SectionState> save(List<? extends Snapshottable> parts) throws IOException {
    Saving saving = new Saving(parts);
    saving.run();
    return List.of(saving.states);
  }

  /**
   * Loads all parts.
   *
   * @param parts in load order; none has the calling thread as its own
   * @param states of each part
   * @throws IOException if one cannot be loaded: the first of those that cannot. Others may have
   *     been loaded
   */
  public static void load(List<? extends Snapshottable> parts, List<SectionState> states)
      throws IOException {
    new Loading(parts, states).run();
  }

  private static final class Saving extends Work {
    private final SectionState[] states;

    Saving(List<? extends Snapshottable> parts) {
      super(parts);
      this.states = new SectionState[parts.size()];
    }

    @Override
    void part(int index, Snapshottable part) throws IOException {
      StateWriter writer = new StateWriter(part.sizeHint());
      part.saveState(writer);
      states[index] = new SectionState(part.stateVersion(), writer.toByteArray());
    }
  }

  private static final class Loading extends Work {
    private final List<SectionState> states;

    Loading(List<? extends Snapshottable> parts, List<SectionState> states) {
      super(parts);
      this.states = new ArrayList<>(states);
    }

    @Override
    void part(int index, Snapshottable part) throws IOException {
      SectionState state = states.get(index);
      StateReader reader = new StateReader(part.stateName(), state.bytes());
      part.loadState(reader, state.version());
      reader.end();
    }
  }

  /** What is done with each part. */
  private abstract static class Work {
    private final List<? extends Snapshottable> parts;

    Work(List<? extends Snapshottable> parts) {
      this.parts = parts;
    }

    abstract void part(int index, Snapshottable part) throws IOException;

    final void run() throws IOException {
      int next = 0;
      while (next < parts.size()) {
        List<Executor> threads = threads(next);
        if (threads.isEmpty()) {
          part(next, parts.get(next));
          next++;
        } else {
          int first = next;
          Batch.run(threads, index -> part(first + index, parts.get(first + index)));
          next += threads.size();
        }
      }
    }

    /** Returns the threads of the parts from one on, up to the first part that has none. */
    private List<Executor> threads(int first) {
      List<Executor> threads = new ArrayList<>();
      for (Snapshottable part : parts.subList(first, parts.size())) {
        Optional<Executor> thread = part.executor();
        if (thread.isEmpty()) {
          break;
        }
        threads.add(thread.get());
      }
      return threads;
    }
  }
}
