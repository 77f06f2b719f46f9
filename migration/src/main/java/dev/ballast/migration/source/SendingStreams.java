package dev.ballast.migration.source;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.StreamSetup;
import dev.ballast.vmm.thread.IoAction;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/** The streams of a migration besides its own connection; there may be none. */
final class SendingStreams implements AutoCloseable {
  /** The migration's thread changes it; a cancel and progress reports read it. */
  private final List<SendingStream> streams = new CopyOnWriteArrayList<>();

  /** The last connection that was begun; it may be in {@link #streams} by now, or closed. */
  private volatile @Nullable MigrationChannel connecting;

  private volatile boolean cancelled;

  boolean isEmpty() {
    return streams.isEmpty();
  }

  /** Connects as many streams as {@code setup} says. */
  void connect(MigrationUri uri, MigrationParameters parameters, StreamSetup setup)
      throws IOException {
    for (int index = 0; index < setup.count(); index++) {
      MigrationChannel channel = MigrationChannel.open(uri);
      connecting = channel;
      if (cancelled) {
        channel.cancel();
      }
      streams.add(SendingStream.connect(channel, parameters, setup, index));
    }
    connecting = null;
  }

  /** Starts their threads. */
  void start(List<SendingBlock> blocks, ProgressCounters counters) {
    streams.forEach(stream -> stream.start(blocks, counters));
  }

  /**
   * Sends all candidates over the streams; waits until all have sent their part.
   *
   * @param check called now and then, on this thread
   */
  void sendPass(long pass, boolean last, IoAction check) throws IOException {
    streams.forEach(stream -> stream.startPass(pass, last));
    try {
      for (SendingStream stream : streams) {
        stream.awaitPass(pass, check);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("the migration was interrupted", e);
    }
  }

  /** Divides a bandwidth limit among them, in bytes a second; 0 is none. Any thread. */
  void maxBandwidth(long bytesPerSecond) {
    if (!streams.isEmpty()) {
      long share = bytesPerSecond == 0 ? 0 : Math.max(1, bytesPerSecond / streams.size());
      streams.forEach(stream -> stream.channel().maxBandwidth(share));
    }
  }

  /**
   * Makes all their calls fail with {@link dev.ballast.migration.channel.CancelledException}. Any
   * thread.
   */
  void cancel() {
    cancelled = true;
    MigrationChannel channel = connecting;
    if (channel != null) {
      channel.cancel();
    }
    streams.forEach(stream -> stream.channel().cancel());
  }

  /** Returns how many bytes they have written. Any thread. */
  long bytesWritten() {
    long sum = 0;
    for (SendingStream stream : streams) {
      sum += stream.channel().bytesWritten();
    }
    return sum;
  }

  /** Ends their threads and connections. */
  @Override
  public void close() {
    streams.forEach(SendingStream::close);
  }
}
