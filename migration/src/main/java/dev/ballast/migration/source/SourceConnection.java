package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameWriter;
import java.io.IOException;

/** The migration's own connection, and the frames that go over it. One thread. */
final class SourceConnection implements AutoCloseable {
  private final MigrationChannel channel;
  private final FrameWriter writer;
  private final FrameReader reader;

  private SourceConnection(MigrationChannel channel, FrameWriter writer, FrameReader reader) {
    this.channel = channel;
    this.writer = writer;
    this.reader = reader;
  }

  /**
   * Creates a connection that is not connected yet.
   *
   * @throws IOException if no socket can be created
   */
  static SourceConnection open(MigrationUri uri, MigrationParameters parameters)
      throws IOException {
    MigrationChannel channel = MigrationChannel.open(uri);
    boolean ready = false;
    try {
      channel.silenceTimeout(parameters.timeouts().silence());
      FrameWriter writer = new FrameWriter(channel, parameters.pageChecksumsTo(uri));
      FrameReader reader = new FrameReader(channel);
      ready = true;
      return new SourceConnection(channel, writer, reader);
    } finally {
      if (!ready) {
        channel.close();
      }
    }
  }

  MigrationChannel channel() {
    return channel;
  }

  FrameWriter writer() {
    return writer;
  }

  FrameReader reader() {
    return reader;
  }

  /**
   * Checks, without waiting, that the migration was not cancelled and that the destination has not
   * given up.
   */
  void checkPeer() throws IOException {
    channel.checkCancelled();
    if (reader.poll() != null) {
      throw reader.unexpected("nothing is due from the destination");
    }
  }

  @Override
  public void close() {
    reader.close();
    writer.close();
    channel.close();
  }
}
