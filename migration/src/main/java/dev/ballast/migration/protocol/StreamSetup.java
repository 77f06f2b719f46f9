package dev.ballast.migration.protocol;

import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;

/**
 * The streams that a source opens besides the one of the migration, for pages.
 *
 * @param count how many, 0 to {@link #MAX_COUNT}
 * @param tokenHigh first half of a random number that identifies this migration's streams
 * @param tokenLow second half
 */
public record StreamSetup(int count, long tokenHigh, long tokenLow) {
  /** The most streams of a migration. */
  public static final int MAX_COUNT = 64;

  /** Pages go over the migration's own connection. */
  public static final StreamSetup NONE = new StreamSetup(0, 0, 0);

  /**
   * {@link FrameType#STREAM}: the first frame of an additional connection.
   *
   * @param tokenHigh as in {@link StreamSetup}
   * @param tokenLow as in {@link StreamSetup}
   * @param index of the stream, from 0
   */
  public record Greeting(long tokenHigh, long tokenLow, int index) {
    /** Returns the payload. */
    public byte[] encode() {
      return new StateWriter().u64(tokenHigh).u64(tokenLow).u32(index).toByteArray();
    }

    /** Reads a payload. */
    public static Greeting decode(byte[] payload) throws IOException {
      StateReader reader = new StateReader("STREAM", payload);
      Greeting greeting = new Greeting(reader.u64(), reader.u64(), reader.u32());
      reader.end();
      return greeting;
    }
  }

  /** Returns the payload of the first frame on stream {@code index}. */
  public Greeting greeting(int index) {
    return new Greeting(tokenHigh, tokenLow, index);
  }

  /** Returns whether a connection with this greeting belongs to this migration. */
  public boolean accepts(Greeting greeting) {
    return greeting.tokenHigh == tokenHigh
        && greeting.tokenLow == tokenLow
        && greeting.index >= 0
        && greeting.index < count;
  }

  void write(StateWriter writer) {
    writer.u32(count).u64(tokenHigh).u64(tokenLow);
  }

  static StreamSetup read(StateReader reader) throws IOException {
    return new StreamSetup(
        reader.u32("number of streams", 0, MAX_COUNT), reader.u64(), reader.u64());
  }
}
