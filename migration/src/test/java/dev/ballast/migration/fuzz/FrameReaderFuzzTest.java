package dev.ballast.migration.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationServer;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.testing.Connection;
import dev.ballast.migration.testing.Frames;
import dev.ballast.migration.testing.RawPeer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;

/** Headers as they are on the wire: nothing is longer than its type allows. */
class FrameReaderFuzzTest {
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  // Not TCP: a fuzzer would use up the ports of the host.
  @TempDir private static Path directory;

  /** Bytes of a connection, in which only checksums are made right, and only if bit 7 is clear. */
  @FuzzTest(maxDuration = "2m")
  void frames(byte[] data) throws IOException {
    if (data.length == 0) {
      return;
    }
    boolean raw = data[0] < 0;
    byte[] wire = Arrays.copyOfRange(data, 1, data.length);
    List<byte[]> frames = raw ? List.of(wire) : sealed(wire);
    MigrationUri uri = MigrationUri.parse("unix:" + directory.resolve("fuzz.sock"));
    try (MigrationServer server = MigrationServer.listen(uri);
        RawPeer peer = RawPeer.send(uri, frames);
        MigrationChannel channel = Connection.accept(server, PATIENCE)) {
      assertThat(peer).isNotNull();
      channel.silenceTimeout(PATIENCE);
      readAll(new FrameReader(channel));
    }
  }

  private static List<byte[]> sealed(byte[] wire) {
    ByteBuffer bytes = ByteBuffer.wrap(wire).order(ByteOrder.LITTLE_ENDIAN);
    List<byte[]> frames = new ArrayList<>();
    for (int at = 0; wire.length - at >= Protocol.HEADER_BYTES; ) {
      long length = Integer.toUnsignedLong(bytes.getInt(at + 32));
      int end = (int) Math.min(wire.length, at + Protocol.HEADER_BYTES + length);
      frames.add(Frames.seal(Arrays.copyOfRange(wire, at, end), false));
      at = end;
    }
    return frames;
  }

  private static void readAll(FrameReader reader) {
    try {
      while (true) {
        FrameType type = reader.next();
        assertThat(reader.length()).isBetween(0, type.maxPayload());
        assertThat(reader.payload()).hasSize(reader.length());
      }
    } catch (IOException e) {
      assertThat(e.getMessage()).isNotBlank().hasLineCount(1);
    }
  }
}
