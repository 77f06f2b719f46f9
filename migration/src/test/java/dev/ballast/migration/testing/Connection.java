package dev.ballast.migration.testing;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationServer;
import dev.ballast.migration.channel.MigrationUri;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;

/**
 * Both ends of a unix socket.
 *
 * @param near one end
 * @param far the other
 */
public record Connection(MigrationChannel near, MigrationChannel far) implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  /** Connects. */
  public static Connection in(Path directory) throws IOException {
    MigrationUri uri = new MigrationUri.Unix(directory.resolve("c"));
    try (MigrationServer server = MigrationServer.listen(uri)) {
      MigrationChannel near = MigrationChannel.open(server.uri());
      near.connect(TIMEOUT);
      return new Connection(near, server.accept(TIMEOUT));
    }
  }

  /** Closes both. */
  @Override
  public void close() {
    near.close();
    far.close();
  }
}
