package dev.ballast.vmm.machine;

import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The changes of the run state of a machine whose guest leaves or arrives. {@link Machine} calls
 * all of it under its lock.
 */
final class MigrationTransitions {
  private static final Logger log = LoggerFactory.getLogger(MigrationTransitions.class);

  private final Lifecycle life;

  /** The run state that a user asked for while the guest arrives; null if none. */
  private @Nullable RunState requestedState;

  /** The run state before the guest left for a destination that did not confirm it, or null. */
  private @Nullable RunState unconfirmed;

  MigrationTransitions(Lifecycle life) {
    this.life = life;
  }

  /**
   * Sets the run state of a guest that arrives, {@link RunState#RUNNING} or {@link
   * RunState#PAUSED}.
   */
  void request(RunState next) {
    requestedState = next;
  }

  /** Returns whether the guest left and it is not known whether it arrived. */
  boolean isUnconfirmed() {
    return unconfirmed != null;
  }

  /** See {@link MigratableMachine#stopForMigration}. */
  RunState leave() throws IOException {
    requestedState = null;
    if (life.runState() == RunState.RUNNING) {
      life.halt();
      if (life.runState() == RunState.RUNNING) {
        life.enter(RunState.FINISH_MIGRATE);
        return RunState.RUNNING;
      }
    }
    RunState before = life.runState();
    life.enter(RunState.FINISH_MIGRATE);
    return before;
  }

  /** See {@link MigratableMachine#endMigration}. */
  void end(RunState next) throws IOException {
    if (life.runState() != RunState.FINISH_MIGRATE && life.runState() != RunState.INMIGRATE) {
      throw new IllegalStateException(life.runState() + ": not in a migration");
    }
    if (life.runState() == RunState.INMIGRATE) {
      endReceiving();
    }
    RunState resolved = resolve(next);
    if (resolved == RunState.RUNNING) {
      run();
    } else {
      life.enter(resolved);
    }
    requestedState = null;
  }

  /** Before the guest runs: the memory that it touches next may be huge pages again. */
  private void endReceiving() {
    try {
      life.board().memory().backing().endReceiving();
    } catch (IOException e) {
      log.warn("guest RAM keeps small pages: {}", e.getMessage());
    }
  }

  /**
   * Returns the run state that a user asked for meanwhile, if the guest can have it, or {@code
   * next}.
   */
  private RunState resolve(RunState next) {
    return switch (next) {
      case RUNNING -> requestedState == null ? next : requestedState;
      case PAUSED, PRELAUNCH -> requestedState == RunState.RUNNING ? requestedState : next;
      case INMIGRATE, FINISH_MIGRATE, POSTMIGRATE, SHUTDOWN, GUEST_PANICKED, INTERNAL_ERROR -> next;
    };
  }

  /** Runs the guest; at the source it is paused if that fails, so that it can be continued. */
  private void run() throws IOException {
    boolean stayed = life.runState() == RunState.FINISH_MIGRATE;
    boolean runs = false;
    try {
      life.run();
      runs = true;
    } finally {
      if (!runs && stayed) {
        life.enter(RunState.PAUSED);
      }
    }
  }

  /** See {@link MigratableMachine#endUnconfirmedMigration}. */
  void endUnconfirmed(RunState before) {
    if (life.runState() != RunState.FINISH_MIGRATE) {
      throw new IllegalStateException(life.runState() + ": not leaving");
    }
    unconfirmed = before;
    life.enter(RunState.POSTMIGRATE);
  }

  /** Continues a guest here that left for a destination that did not confirm it. */
  void resumeUnconfirmed() throws IOException, RefusedException {
    RunState before = unconfirmed;
    if (before == null) {
      throw life.refusal("the guest was migrated away, and its destination has confirmed that");
    }
    log.warn(
        "the guest goes on here, although the destination may have it, too: make sure that it does"
            + " not run there");
    switch (before) {
      case SHUTDOWN, INTERNAL_ERROR -> life.enter(before);
      case RUNNING, PAUSED, PRELAUNCH, GUEST_PANICKED, INMIGRATE, FINISH_MIGRATE, POSTMIGRATE ->
          life.run();
    }
    unconfirmed = null;
    if (life.runState() != RunState.RUNNING) {
      throw life.refusal("reset it first");
    }
  }
}
