package dev.ballast.tools.qmp;

import java.time.Duration;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Lets one value through at once and then at most one in each interval; of those that come
 * meanwhile, the last is kept. Any thread.
 */
final class Throttle<T> {
  private final Consumer<T> target;
  private final Duration interval;
  private final ScheduledExecutorService timer;
  private @Nullable T kept;
  private boolean waiting;

  Throttle(Consumer<T> target, Duration interval, ScheduledExecutorService timer) {
    this.target = target;
    this.interval = interval;
    this.timer = timer;
  }

  synchronized void accept(T value) {
    if (waiting) {
      kept = value;
    } else {
      pass(value);
    }
  }

  private void pass(T value) {
    var _ = timer.schedule(this::intervalOver, interval.toNanos(), TimeUnit.NANOSECONDS);
    // Not before there is what ends it.
    waiting = true;
    target.accept(value);
  }

  private synchronized void intervalOver() {
    waiting = false;
    T value = kept;
    kept = null;
    if (value != null) {
      pass(value);
    }
  }
}
