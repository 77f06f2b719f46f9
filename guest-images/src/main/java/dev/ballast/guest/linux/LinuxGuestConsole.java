package dev.ballast.guest.linux;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The client of the init in {@link LinuxGuest}, over the guest's serial console. A line each way:
 * commands are {@code @TAG COMMAND [ARGUMENT]}; the guest writes
 *
 * <pre>
 * GUEST ready release=R MemTotal=KIB cpus=N     once, when it is up
 * COUNT N                                       ten times a second, N one more each time
 * GUEST ok COMMAND key=value... @TAG
 * GUEST error COMMAND reason... @TAG
 * </pre>
 *
 * <p>Any thread; commands are sent one after the other. A guest that moves to another VMM gets a
 * new client there, which need not wait for the guest to be ready again.
 */
public final class LinuxGuestConsole implements AutoCloseable {
  /**
   * What a guest says when it is up.
   *
   * @param release {@code uname -r}
   * @param memTotalKib the kernel's MemTotal, in KiB
   * @param cpus how many are online
   */
  public record Ready(String release, long memTotalKib, int cpus) {}

  /**
   * The guest's memory, from its /proc/meminfo.
   *
   * @param totalKib MemTotal, in KiB
   * @param freeKib MemFree, in KiB
   * @param availableKib MemAvailable, in KiB
   */
  public record Memory(long totalKib, long freeKib, long availableKib) {}

  /**
   * A hash of the data that {@link #touch} wrote.
   *
   * @param md5 in hexadecimal
   * @param bytes how much data
   * @param millis how long it took, by the guest's clock
   */
  public record Hash(String md5, long bytes, long millis) {}

  /**
   * The guest's counter.
   *
   * @param value one more every tenth of a second
   * @param uptimeMillis the guest's time since its boot
   */
  public record Count(long value, long uptimeMillis) {}

  private static final Pattern COUNT = Pattern.compile("COUNT ([0-9]{1,18})");
  private static final Pattern REPLY = Pattern.compile("GUEST (ok|error) (.*) @([0-9]{1,18})");
  private static final String READY = "GUEST ready ";

  /** A guest can write whatever it likes: longer lines are cut into pieces of this many bytes. */
  private static final int MAX_LINE = 4096;

  private static final int KEPT_LINES = 200;
  private static final int LINES_IN_ERRORS = 5;

  private record Reply(boolean ok, String text) {}

  private final InputStream in;
  private final OutputStream out;
  private final ReentrantLock commands = new ReentrantLock();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<String> recent = new ArrayDeque<>();
  private @Nullable Ready ready;
  private @Nullable Reply reply;
  private long tag;
  private long count = -1;
  private boolean countWentBackwards;
  private @Nullable String ended;

  /**
   * Starts to read.
   *
   * @param in what the guest writes; reads may block
   * @param out what the guest reads
   */
  public LinuxGuestConsole(InputStream in, OutputStream out) {
    this.in = in;
    this.out = out;
    Thread.ofPlatform().daemon().name("guest-console").start(this::readAll);
  }

  /** Waits until the guest is up; returns at once if it said so before. */
  public Ready awaitReady(Duration timeout) throws IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      await("the guest to be ready", timeout, () -> ready != null);
      if (ready == null) {
        throw new AssertionError("awaited");
      }
      return ready;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the last count that the guest wrote, or -1 if there was none yet. */
  public long lastCount() {
    lock.lock();
    try {
      return count;
    } finally {
      lock.unlock();
    }
  }

  /** Waits until the guest has written a count of at least this, and returns the last one. */
  public long awaitCount(long atLeast, Duration timeout) throws IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      await("COUNT " + atLeast, timeout, () -> count >= atLeast);
      return count;
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether a count was ever not greater than the one before, without a reboot between. */
  public boolean countWentBackwards() {
    lock.lock();
    try {
      return countWentBackwards;
    } finally {
      lock.unlock();
    }
  }

  /** Returns the last lines that the guest wrote, without counts. */
  public List<String> recentLines() {
    lock.lock();
    try {
      return new ArrayList<>(recent);
    } finally {
      lock.unlock();
    }
  }

  /** Has the guest fill memory with random data, in place of what it filled before. */
  public void touch(int mebibytes, Duration timeout) throws IOException, InterruptedException {
    send("touch " + mebibytes, timeout);
  }

  /** Has the guest hash what it filled. */
  public Hash hash(Duration timeout) throws IOException, InterruptedException {
    Map<String, String> values = send("hash", timeout);
    return new Hash(string(values, "md5"), number(values, "bytes"), number(values, "ms"));
  }

  /** Has the guest give the memory that it filled back to its kernel. */
  public void free(Duration timeout) throws IOException, InterruptedException {
    send("free", timeout);
  }

  /** Asks the guest about its memory. */
  public Memory memory(Duration timeout) throws IOException, InterruptedException {
    Map<String, String> values = send("mem", timeout);
    return new Memory(
        number(values, "MemTotal"), number(values, "MemFree"), number(values, "MemAvailable"));
  }

  /** Asks the counter itself. */
  public Count count(Duration timeout) throws IOException, InterruptedException {
    Map<String, String> values = send("count", timeout);
    return new Count(number(values, "n"), number(values, "ms"));
  }

  /** Reboots the guest, and waits until it is up again. */
  public Ready reboot(Duration timeout) throws IOException, InterruptedException {
    return again("reboot", timeout);
  }

  /**
   * Has the guest jump to a new kernel, without firmware, and waits until that one is up. The
   * driver of the balloon deflates nothing then, and the device has no driver until the new kernel
   * is told to {@code bind}.
   *
   * @throws GuestConsoleException also if the guest was made without {@link
   *     LinuxGuestOptions#kexec}, as the new one always is
   */
  public Ready kexec(Duration timeout) throws IOException, InterruptedException {
    return again("kexec", timeout);
  }

  private Ready again(String command, Duration timeout) throws IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    lock.lockInterruptibly();
    try {
      ready = null;
    } finally {
      lock.unlock();
    }
    send(command, timeout);
    return awaitReady(Duration.ofNanos(deadline - System.nanoTime()));
  }

  /** Has the guest switch itself off. */
  public void powerOff(Duration timeout) throws IOException, InterruptedException {
    send("poweroff", timeout);
  }

  /**
   * Sends a command and waits for the reply to it. Replies that are late, to commands whose time
   * was over, are passed over.
   *
   * @param command a command of the guest's init, without a tag
   * @return the reply's {@code key=value} pairs
   * @throws GuestConsoleException if the guest says error, says nothing in time, or is gone
   */
  public Map<String, String> send(String command, Duration timeout)
      throws IOException, InterruptedException {
    if (command.isBlank() || command.indexOf('\n') >= 0 || command.indexOf('\r') >= 0) {
      throw new IllegalArgumentException("not a command: '" + command + "'");
    }
    commands.lockInterruptibly();
    try {
      lock.lockInterruptibly();
      try {
        tag++;
        reply = null;
      } finally {
        lock.unlock();
      }
      // Not under the lock: the write may wait for the guest, which may wait for its output to be
      // read.
      out.write(("@" + tag + " " + command + "\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
      Reply answer = awaitReply(command, timeout);
      if (!answer.ok) {
        throw new GuestConsoleException("the guest cannot " + command + ": " + answer.text);
      }
      return pairs(answer.text);
    } finally {
      commands.unlock();
    }
  }

  /** Closes both streams; whoever waits gets an exception. */
  @Override
  public void close() throws IOException {
    end("the console was closed");
    try (in;
        out) {
      // Closing is all.
    }
  }

  private Reply awaitReply(String command, Duration timeout)
      throws IOException, InterruptedException {
    lock.lockInterruptibly();
    try {
      await("a reply to " + command, timeout, () -> reply != null);
      if (reply == null) {
        throw new AssertionError("awaited");
      }
      return reply;
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

  private void end(String reason) {
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

  private static @Nullable Ready parseReady(String line) {
    Map<String, String> values = pairs(line);
    try {
      return new Ready(
          string(values, "release"),
          number(values, "MemTotal"),
          Math.toIntExact(number(values, "cpus")));
    } catch (GuestConsoleException | ArithmeticException e) {
      // Damaged on its way, or a forgery: the guest is not known to be ready. The line is kept for
      // errors.
      return null;
    }
  }

  private static Map<String, String> pairs(String text) {
    Map<String, String> pairs = new HashMap<>();
    for (String word : text.split(" ", -1)) {
      int equals = word.indexOf('=');
      if (equals > 0) {
        pairs.put(word.substring(0, equals), word.substring(equals + 1));
      }
    }
    return pairs;
  }

  private static String string(Map<String, String> values, String key)
      throws GuestConsoleException {
    String value = values.get(key);
    if (value == null) {
      throw new GuestConsoleException("the guest's reply has no " + key + ": " + values);
    }
    return value;
  }

  private static long number(Map<String, String> values, String key) throws GuestConsoleException {
    String value = string(values, key);
    try {
      return Long.parseLong(value);
    } catch (NumberFormatException e) {
      throw new GuestConsoleException("the guest's reply has a bad " + key + ": " + value);
    }
  }
}
