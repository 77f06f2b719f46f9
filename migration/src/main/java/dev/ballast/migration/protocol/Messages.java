package dev.ballast.migration.protocol;

import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The payloads of the small control frames. */
public final class Messages {
  private static final int MAX_NAME = 256;

  private Messages() {}

  /**
   * Reads a name. It ends up in messages on a terminal, which a peer must not be able to control.
   */
  static String printableName(StateReader reader) throws IOException {
    String name = reader.string(MAX_NAME);
    if (!name.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      throw reader.fail("a name is not printable ASCII");
    }
    return name;
  }

  /**
   * {@link FrameType#HELLO}. Its form is the same in every version of the protocol.
   *
   * @param minVersion the oldest version that the source speaks
   * @param maxVersion the newest one
   */
  public record Hello(int minVersion, int maxVersion) {
    /** Returns the payload. */
    public byte[] encode() {
      return new StateWriter().u32(minVersion).u32(maxVersion).toByteArray();
    }

    /**
     * Returns the newest version that both sides speak.
     *
     * @param newest of the destination
     * @throws ProtocolException if there is none
     */
    public int agree(int newest) throws ProtocolException {
      int version = Math.min(maxVersion, newest);
      if (version < minVersion || version < Protocol.MIN_VERSION) {
        throw new ProtocolException(
            "protocol version: source has %d to %d, destination has %d to %d"
                .formatted(minVersion, maxVersion, Protocol.MIN_VERSION, newest));
      }
      return version;
    }

    /** Reads a payload. */
    public static Hello decode(byte[] payload) throws IOException {
      StateReader reader = new StateReader("HELLO", payload);
      int min = reader.u32("oldest version", 1, Integer.MAX_VALUE);
      Hello hello = new Hello(min, reader.u32("newest version", min, Integer.MAX_VALUE));
      reader.end();
      return hello;
    }
  }

  /**
   * {@link FrameType#HELLO_REPLY}. Its form is the same in every version of the protocol.
   *
   * @param version the version of all frames from here on
   */
  public record HelloReply(int version) {
    /** Returns the payload. */
    public byte[] encode() {
      return new StateWriter().u32(version).toByteArray();
    }

    /** Reads the answer to {@code hello}. */
    public static HelloReply decode(byte[] payload, Hello hello) throws IOException {
      StateReader reader = new StateReader("HELLO_REPLY", payload);
      HelloReply reply =
          new HelloReply(reader.u32("version", hello.minVersion(), hello.maxVersion()));
      reader.end();
      return reply;
    }
  }

  /**
   * {@link FrameType#STATE_SECTION}.
   *
   * @param name of the section
   * @param version that the state is written in, from 1 on
   * @param state the bytes, whose form is the section's own business
   */
  @SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
  public record StateSection(String name, int version, byte[] state) {
    /** Returns the payload. */
    public byte[] encode() {
      int length = 3 * Integer.BYTES + name.length() + state.length;
      return new StateWriter(length).string(name).u32(version).bytes(state).toByteArray();
    }

    /** Reads a payload. */
    public static StateSection decode(byte[] payload) throws IOException {
      StateReader reader = new StateReader("STATE_SECTION", payload);
      StateSection section =
          new StateSection(
              printableName(reader),
              reader.u32("version", 1, Integer.MAX_VALUE),
              reader.bytes(FrameType.STATE_SECTION.maxPayload()));
      reader.end();
      return section;
    }
  }

  /**
   * {@link FrameType#STATE_END}.
   *
   * @param runState the run state that the guest enters at the destination, sent as its QMP name
   */
  public record StateEnd(RunState runState) {
    /** Returns the payload. */
    public byte[] encode() {
      return new StateWriter().string(runState.qmpName()).toByteArray();
    }

    /** Reads a payload; the states of a migration itself are not allowed. */
    public static StateEnd decode(byte[] payload) throws IOException {
      StateReader reader = new StateReader("STATE_END", payload);
      String name = printableName(reader);
      reader.end();
      return Arrays.stream(RunState.values())
          .filter(state -> state.qmpName().equals(name) && isDestination(state))
          .findFirst()
          .map(StateEnd::new)
          .orElseThrow(() -> new ProtocolException("STATE_END: run state '" + name + "'"));
    }

    private static boolean isDestination(RunState state) {
      return switch (state) {
        case RUNNING, PAUSED, PRELAUNCH, SHUTDOWN, GUEST_PANICKED, INTERNAL_ERROR -> true;
        case INMIGRATE, FINISH_MIGRATE, POSTMIGRATE -> false;
      };
    }
  }

  /**
   * {@link FrameType#ERROR}: the reason in UTF-8, nothing else.
   *
   * @param reason one line for the user
   */
  public record Failure(String reason) {
    /** Returns the payload, truncated to the maximum length of its type. */
    public byte[] encode() {
      byte[] text = reason.getBytes(StandardCharsets.UTF_8);
      return Arrays.copyOf(text, Math.min(text.length, FrameType.ERROR.maxPayload()));
    }

    /**
     * Reads a payload. Characters that could control a terminal become spaces: controls, also those
     * from U+0080 on, invisible ones that change how others are shown, and line separators.
     */
    public static Failure decode(byte[] payload) {
      return new Failure(
          new String(payload, StandardCharsets.UTF_8)
              .replaceAll("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}]", " ")
              .strip());
    }
  }
}
