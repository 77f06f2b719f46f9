package dev.ballast.guest.linux;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;

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

  private final InputStream in;
  private final OutputStream out;
  private final ReentrantLock commands = new ReentrantLock();
  private final ConsoleReader reader;

  /**
   * Starts to read.
   *
   * @param in what the guest writes; reads may block
   * @param out what the guest reads
   */
  public LinuxGuestConsole(InputStream in, OutputStream out) {
    this.in = in;
    this.out = out;
    this.reader = new ConsoleReader(in);
    reader.start();
  }

  /** Waits until the guest is up; returns at once if it said so before. */
  public Ready awaitReady(Duration timeout) throws IOException, InterruptedException {
    return reader.awaitReady(timeout);
  }

  /** Returns the last count that the guest wrote, or -1 if there was none yet. */
  public long lastCount() {
    return reader.lastCount();
  }

  /** Waits until the guest has written a count of at least this, and returns the last one. */
  public long awaitCount(long atLeast, Duration timeout) throws IOException, InterruptedException {
    return reader.awaitCount(atLeast, timeout);
  }

  /** Returns whether a count was ever not greater than the one before, without a reboot between. */
  public boolean countWentBackwards() {
    return reader.countWentBackwards();
  }

  /** Returns the last lines that the guest wrote, without counts. */
  public List<String> recentLines() {
    return reader.recentLines();
  }

  /** Makes the guest fill memory with random data, in place of what it filled before. */
  public void touch(int mebibytes, Duration timeout) throws IOException, InterruptedException {
    send("touch " + mebibytes, timeout);
  }

  /** Makes the guest hash what it filled. */
  public Hash hash(Duration timeout) throws IOException, InterruptedException {
    ConsoleValues values = ask("hash", timeout);
    return new Hash(values.string("md5"), values.number("bytes"), values.number("ms"));
  }

  /** Makes the guest free the memory that it filled. */
  public void free(Duration timeout) throws IOException, InterruptedException {
    send("free", timeout);
  }

  /** Asks the guest about its memory. */
  public Memory memory(Duration timeout) throws IOException, InterruptedException {
    ConsoleValues values = ask("mem", timeout);
    return new Memory(
        values.number("MemTotal"), values.number("MemFree"), values.number("MemAvailable"));
  }

  /** Asks the counter itself. */
  public Count count(Duration timeout) throws IOException, InterruptedException {
    ConsoleValues values = ask("count", timeout);
    return new Count(values.number("n"), values.number("ms"));
  }

  /** Reboots the guest, and waits until it is up again. */
  public Ready reboot(Duration timeout) throws IOException, InterruptedException {
    return again("reboot", timeout);
  }

  /**
   * Makes the guest jump to a new kernel, without firmware, and waits until that one is up. The
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
    reader.forgetReady();
    send(command, timeout);
    return awaitReady(Duration.ofNanos(deadline - System.nanoTime()));
  }

  /** Makes the guest switch itself off. */
  public void powerOff(Duration timeout) throws IOException, InterruptedException {
    send("poweroff", timeout);
  }

  /**
   * Sends a command and waits for the reply to it. Replies that are late, to commands whose time
   * was over, are skipped.
   *
   * @param command a command of the guest's init, without a tag
   * @return the reply's {@code key=value} pairs
   * @throws GuestConsoleException if the guest says error, says nothing in time, or is gone
   */
  public Map<String, String> send(String command, Duration timeout)
      throws IOException, InterruptedException {
    return ask(command, timeout).asMap();
  }

  private ConsoleValues ask(String command, Duration timeout)
      throws IOException, InterruptedException {
    if (command.isBlank() || command.indexOf('\n') >= 0 || command.indexOf('\r') >= 0) {
      throw new IllegalArgumentException("not a command: '" + command + "'");
    }
    commands.lockInterruptibly();
    try {
      long tag = reader.nextTag();
      out.write(("@" + tag + " " + command + "\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
      ConsoleReader.Reply reply = reader.awaitReply(command, timeout);
      if (!reply.ok()) {
        throw new GuestConsoleException("the guest cannot " + command + ": " + reply.text());
      }
      return ConsoleValues.parse(reply.text());
    } finally {
      commands.unlock();
    }
  }

  /** Closes both streams; all that wait get an exception. */
  @Override
  public void close() throws IOException {
    reader.end("the console was closed");
    try (in;
        out) {
      // Closing is all.
    }
  }
}
