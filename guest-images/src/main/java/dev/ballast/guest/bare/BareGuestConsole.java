package dev.ballast.guest.bare;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The client of the bare guest's serial line. The guest writes lines that begin with {@code BARE}:
 * once {@code 1 ready memory=BYTES cpus=1}, then {@code ok COMMAND key=value...} or {@code err
 * COMMAND reason...} for each command, {@code beat count=N tsc=N} if asked to, and {@code panic}
 * with the registers before it halts.
 *
 * <p>Commands. Numbers are decimal or {@code 0x} hexadecimal and may end in K, M, G or T (powers of
 * 1024); addresses are guest-physical, ranges whole pages of 4 KiB.
 *
 * <table>
 * <caption>What the guest can do</caption>
 * <tr><td>{@code fill START SIZE SEED [WORDS]}</td><td>writes a pattern to the RAM in the range; → {@code
 *     pages}, {@code skipped} (ballooned or the guest's own). With WORDS, a power of 2, the first so many
 *     words of 8 bytes are repeated to the end of a page, for a compression to find</td></tr>
 * <tr><td>{@code check START SIZE SEED [WORDS]}</td><td>compares with it; → {@code pages}, {@code skipped}, on error
 *     also {@code bad} pages and the {@code first} one's address</td></tr>
 * <tr><td>{@code free START SIZE}</td><td>lets the balloon have filled pages again; → {@code pages}</td></tr>
 * <tr><td>{@code dirty START SIZE RATE [SEED]}</td><td>rewrites the range in the background with a new
 *     generation of the pattern on each pass, RATE bytes a second, 0 for no limit</td></tr>
 * <tr><td>{@code stop}</td><td>ends it; → {@code pages} written, {@code generation}</td></tr>
 * <tr><td>{@code check-dirty}</td><td>checks that each page holds the generation last written to it</td></tr>
 * <tr><td>{@code balloon}</td><td>→ {@code num_pages}, {@code actual}, {@code must_tell_host}, {@code
 *     auto}</td></tr>
 * <tr><td>{@code auto on|off}</td><td>whether the guest follows num_pages</td></tr>
 * <tr><td>{@code inflate N}, {@code deflate N}</td><td>by N pages now, and auto off; → {@code pages}</td></tr>
 * <tr><td>{@code inflate-pfn FIRST COUNT [STRIDE]}, {@code deflate-pfn …}</td><td>exactly these PFNs, valid
 *     or not, and auto off; STRIDE 0 repeats FIRST. PFNs of the guest's own pages are refused</td></tr>
 * <tr><td>{@code post-inflate FIRST COUNT}, {@code post-deflate …}</td><td>the same for one batch, without
 *     waiting for the device; {@code reap} waits</td></tr>
 * <tr><td>{@code reset-balloon}</td><td>resets and initialises the device</td></tr>
 * <tr><td>{@code hostile KIND [N]}</td><td>breaks a rule of virtio on purpose, and auto off; {@code hostile.c}
 *     has the kinds; → {@code outcome}, or for those that go on for N seconds {@code times} and {@code
 *     resets}</td></tr>
 * <tr><td>{@code count}</td><td>→ {@code count}, iterations of the guest's main loop</td></tr>
 * <tr><td>{@code beat MS}</td><td>a heartbeat every MS milliseconds, 0 for none</td></tr>
 * <tr><td>{@code mem}</td><td>→ {@code free}, {@code used}, {@code ballooned}, {@code reserved} pages</td></tr>
 * <tr><td>{@code ram}, {@code devices}</td><td>RAM as {@code START-END}, virtio-mmio devices as {@code
 *     ADDRESS:DEVICE_ID}</td></tr>
 * <tr><td>{@code peek ADDRESS}, {@code poke ADDRESS VALUE}</td><td>8 bytes of RAM, or 4 where the
 *     address is not a multiple of 8 or a device's; → {@code value}</td></tr>
 * <tr><td>{@code out PORT VALUE}</td><td>writes a byte to a port</td></tr>
 * <tr><td>{@code tsc}</td><td>→ {@code khz}, {@code source}</td></tr>
 * <tr><td>{@code bench pio|mmio N}</td><td>N register reads; → {@code cycles}, {@code ns_each}</td></tr>
 * <tr><td>{@code crash}</td><td>an undefined instruction: no reply but a panic</td></tr>
 * <tr><td>{@code triple-fault}</td><td>an undefined instruction without an IDT, after the reply</td></tr>
 * <tr><td>{@code reboot}, {@code poweroff}, {@code exit CODE}</td><td>through the i8042, ACPI, or a debug
 *     exit port</td></tr>
 * </table>
 *
 * <p>For one thread, but {@link #lastBeat} and {@link #close} for any. A guest that moves to
 * another VMM gets a new client there, which need not wait for the guest to be ready again.
 */
public final class BareGuestConsole implements AutoCloseable {
  /**
   * What the guest says first.
   *
   * @param memoryBytes RAM by the VMM's memory map
   * @param cpus processors in use, 1
   */
  public record Ready(long memoryBytes, int cpus) {}

  private static final String END = "";
  private static final Pattern READY =
      Pattern.compile("BARE 1 ready memory=(\\d{1,18}) cpus=(\\d{1,9})");
  private static final Pattern BEAT = Pattern.compile("BARE beat count=(\\d{1,18}) tsc=\\d+");
  private static final Pattern REPLY = Pattern.compile("BARE (ok|err) (\\S+) ?(.*?) ?@(\\d{1,18})");

  private final InputStream in;
  private final OutputStream out;
  private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
  private volatile long lastBeat = -1;
  private long tag;
  private @Nullable String gone;

  /**
   * Starts to read.
   *
   * @param in what the guest writes; reads may block
   * @param out what the guest reads
   */
  public BareGuestConsole(InputStream in, OutputStream out) {
    this.in = in;
    this.out = out;
    Thread.ofPlatform().daemon().name("bare-guest-console").start(this::readAll);
  }

  /**
   * Waits for the guest's first line.
   *
   * @throws BareGuestException if it does not come in time or the guest is gone
   */
  public Ready awaitReady(Duration timeout) throws IOException, InterruptedException {
    Matcher ready = await(READY, 0, "the guest to be ready", timeout);
    return new Ready(Long.parseLong(ready.group(1)), Integer.parseInt(ready.group(2)));
  }

  /**
   * Sends a command, waits for the reply, and wants it to be {@code ok}.
   *
   * @throws BareGuestException if it is {@code err}, does not come in time, or the guest is gone
   */
  public BareReply send(String command, Duration timeout) throws IOException, InterruptedException {
    BareReply reply = ask(command, timeout);
    if (!reply.ok()) {
      throw new BareGuestException("the bare guest cannot " + command + ": " + reply.text());
    }
    return reply;
  }

  /**
   * Sends a command and waits for the reply, whichever it is. Late replies to earlier commands are
   * skipped.
   *
   * @throws BareGuestException if it does not come in time or the guest is gone
   */
  public BareReply ask(String command, Duration timeout) throws IOException, InterruptedException {
    if (command.isBlank() || command.indexOf('\n') >= 0 || command.indexOf('\r') >= 0) {
      throw new IllegalArgumentException("not a command: '" + command + "'");
    }
    tag++;
    out.write((command + " @" + tag + "\n").getBytes(StandardCharsets.US_ASCII));
    out.flush();
    Matcher reply = await(REPLY, tag, "a reply to " + command, timeout);
    return BareReply.parse(reply.group(1).equals("ok"), reply.group(3));
  }

  /** Returns the count of the last heartbeat, or -1 if there was none yet. */
  public long lastBeat() {
    return lastBeat;
  }

  /** Closes both streams. */
  @Override
  public void close() throws IOException {
    try (in;
        out) {
      lines.add(END);
    }
  }

  /** Reads lines until one matches and, unless {@code wanted} is 0, ends with that tag. */
  private Matcher await(Pattern pattern, long wanted, String what, Duration timeout)
      throws IOException, InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (gone == null) {
      String line = lines.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (line == null) {
        throw new BareGuestException("waited " + timeout.toMillis() + " ms for " + what);
      }
      Matcher matcher = pattern.matcher(line);
      if (line.equals(END)) {
        gone = "its serial line ended";
      } else if (line.startsWith("BARE panic")) {
        gone = "the guest stopped: " + line;
      } else if (matcher.matches() && (wanted == 0 || Long.parseLong(matcher.group(4)) == wanted)) {
        return matcher;
      }
    }
    throw new BareGuestException("waited for " + what + ", but " + gone);
  }

  private void readAll() {
    try {
      BufferedReader reader =
          new BufferedReader(new InputStreamReader(in, StandardCharsets.US_ASCII));
      for (String line; (line = reader.readLine()) != null; ) {
        Matcher beat = BEAT.matcher(line);
        if (beat.matches()) {
          lastBeat = Long.parseLong(beat.group(1));
        } else if (!line.isEmpty()) {
          lines.add(line);
        }
      }
      lines.add(END);
    } catch (IOException e) {
      lines.add("BARE panic the serial line cannot be read: " + e.getMessage());
    }
  }
}
