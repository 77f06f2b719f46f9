package dev.ballast.migration.testing;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationServer;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.channel.Opening;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Both ends of a unix socket.
 *
 * @param near one end
 * @param far the other
 */
public record Connection(MigrationChannel near, MigrationChannel far) implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  /** Takes every connection, whether it says something or not. */
  private static final Opening ANY =
      new Opening() {
        @Override
        public Introduction begin() {
          return bytes(0);
        }

        @Override
        public boolean isDue(Introduction introduction) {
          return true;
        }

        @Override
        public ByteBuffer refuse(IOException why) {
          throw new AssertionError(why);
        }
      };

  /** Wants some bytes, whatever they are, and has no answer. */
  public static Opening.Introduction bytes(int wanted) {
    return new Opening.Introduction() {
      @Override
      public int bytesWanted(ByteBuffer received) {
        return wanted;
      }

      @Override
      public @Nullable ByteBuffer answer() {
        return null;
      }
    };
  }

  /** Accepts the next connection. */
  public static MigrationChannel accept(MigrationServer server, Duration timeout)
      throws IOException {
    return server.accept(timeout, TIMEOUT, ANY);
  }

  /** Connects. */
  public static Connection in(Path directory) throws IOException {
    MigrationUri uri = new MigrationUri.Unix(directory.resolve("c"));
    try (MigrationServer server = MigrationServer.listen(uri)) {
      MigrationChannel near = MigrationChannel.open(server.uri());
      near.connect(TIMEOUT);
      return new Connection(near, accept(server, TIMEOUT));
    }
  }

  /** Closes both. */
  @Override
  public void close() {
    near.close();
    far.close();
  }
}
