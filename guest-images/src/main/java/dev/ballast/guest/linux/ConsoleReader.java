package dev.ballast.guest.linux;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads what the guest writes to its console, on a thread of its own, and lets others wait for
 * parts of it: that the guest is up, its counts, its replies to commands. Any thread.
 */
final class ConsoleReader {
  private static final Pattern COUNT = Pattern.compile("COUNT ([0-9]{1,18})");
  private static final Pattern REPLY = Pattern.compile("GUEST (ok|error) (.*) @([0-9]{1,18})");
  private static final String READY = "GUEST ready ";

  /** A guest can write whatever it likes: longer lines are cut into pieces of this many bytes. */
  private static final int MAX_LINE = 4096;

  private static final int KEPT_LINES = 200;
  private static final int LINES_IN_ERRORS = 5;

  /**
   * What the guest replied to a command.
   *
   * @param ok whether it did what it was asked for
   * @param text the reply without its tag
   */
  record Reply(boolean ok, String text) {}

  private final InputStream in;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<String> recent = new ArrayDeque<>();
  private LinuxGuestConsole.@Nullable Ready ready;
  private @Nullable Reply reply;
  private long tag;
  private long count = -1;
  private boolean countWentBackwards;
  private @Nullable String ended;

  /**
   * @param in what the guest writes; reads may block
   */
  ConsoleReader(InputStream in) {
    this.in = in;
  }

  /** Starts the thread. */
  void start() {
    Thread.ofPlatform().daemon().name("guest-console").start(this::readAll);
  }

  /** Resets {@link #awaitReady}, before the guest boots again. */
  void forgetReady() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      ready = null;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the guest is up; returns at once if it said so before. */
  LinuxGuestConsole.Ready awaitReady(Duration timeout) throws IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      await("the guest to be ready", timeout, () -> ready != null);
      return Objects.requireNonNull(ready);
    } finally {
      lock.unlock();
    }
  }

  /** Returns the last count that the guest wrote, or -1 if there was none yet. */
  long lastCount() {
    lock.lock();
    try {
      return count;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the guest has written a count of at least this, and returns the last one. */
  long awaitCount(long atLeast, Duration timeout) throws IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      await("COUNT " + atLeast, timeout, () -> count >= atLeast);
      return count;
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether a count was ever not greater than the one before, without a reboot between. */
  boolean countWentBackwards() {
    lock.lock();
    try {
      return countWentBackwards;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the last lines that the guest wrote, without counts. */
  List<String> recentLines() {
    lock.lock();
    try {
      return new ArrayList<>(recent);
    } finally {
      lock.unlock();
    }
  }

  /** Returns the tag for the next command; replies with another one are skipped from now on. */
  long nextTag() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      tag++;
      reply = null;
      return tag;
    } finally {
      lock.unlock();
    }
  }

  /** Waits for the reply with the last tag. */
  Reply awaitReply(String command, Duration timeout) throws IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      await("a reply to " + command, timeout, () -> reply != null);
      return Objects.requireNonNull(reply);
    } finally {
      lock.unlock();
    }
  }

  /** Fails all that wait, and those to come; the first reason stays. */
  void end(String reason) {
    lock.lock();
    try {
      if (ended == null) {
        ended = reason;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Waits, with the lock held, until a condition that only {@link #accept} changes holds. */
  private void await(String what, Duration timeout, BooleanSupplier condition)
      throws IOException, InterruptedException {
    long left = timeout.toNanos();
    while (!condition.getAsBoolean()) {
      if (ended != null) {
        throw new GuestConsoleException("waited for " + what + " but " + ended + lastLines());
      }
      if (left <= 0) {
        throw new GuestConsoleException(
            "waited " + timeout.toMillis() + " ms for " + what + lastLines());
      }
      left = changed.awaitNanos(left);
    }
  }

  private String lastLines() {
    if (recent.isEmpty()) {
      return "; the guest wrote nothing";
    }
    List<String> lines = new ArrayList<>(recent);
    int from = Math.max(0, lines.size() - LINES_IN_ERRORS);
    return "; the guest's last lines: " + String.join(" | ", lines.subList(from, lines.size()));
  }

  private void readAll() {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    byte[] buffer = new byte[4096];
    try {
      int size;
      while ((size = in.read(buffer)) >= 0) {
        for (int i = 0; i < size; i++) {
          byte next = buffer[i];
          if (next != '\n' && next != '\r') {
            line.write(next);
          }
          if (next == '\n' || line.size() == MAX_LINE) {
            accept(line.toString(StandardCharsets.UTF_8));
            line.reset();
          }
        }
      }
      end("its console ended");
    } catch (IOException e) {
      end("its console cannot be read (" + e.getMessage() + ")");
    }
  }

  private void accept(String line) {
    lock.lock();
    try {
      Matcher counted = COUNT.matcher(line);
      if (counted.matches()) {
        long next = Long.parseLong(counted.group(1));
        countWentBackwards |= next <= count;
        count = next;
      } else {
        keep(line);
        Matcher replied = REPLY.matcher(line);
        if (replied.matches()) {
          if (Long.parseLong(replied.group(3)) == tag) {
            reply = new Reply(replied.group(1).equals("ok"), replied.group(2));
          }
        } else if (line.startsWith(READY)) {
          ready = parseReady(line);
          count = -1;
        }
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void keep(String line) {
    recent.addLast(line);
    if (recent.size() > KEPT_LINES) {
      recent.removeFirst();
    }
  }

  private static LinuxGuestConsole.@Nullable Ready parseReady(String line) {
    ConsoleValues values = ConsoleValues.parse(line);
    try {
      return new LinuxGuestConsole.Ready(
          values.string("release"),
          values.number("MemTotal"),
          Math.toIntExact(values.number("cpus")));
    } catch (GuestConsoleException | ArithmeticException _) {
      // Damaged on its way, or a forgery: the guest is not known to be ready. Errors show the line.
      return null;
    }
  }
}
