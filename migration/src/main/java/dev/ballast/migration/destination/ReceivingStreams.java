package dev.ballast.migration.destination;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.protocol.FrameReader;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.PageCompression;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.protocol.ProtocolException;
import dev.ballast.migration.protocol.ReceiverPhase;
import dev.ballast.vmm.thread.IoAction;
import dev.ballast.vmm.thread.Threads;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The connections for pages besides the migration's own, with a thread for each. A page may arrive
 * over another stream in the next pass, so no stream begins a pass before all have ended the one
 * before.
 */
final class ReceivingStreams implements AutoCloseable {
  private final List<MigrationChannel> channels = new ArrayList<>();
  private final List<FrameReader> readers = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private final PassBarrier barrier;

  /** Whether any frame has arrived over one of them. */
  private volatile boolean touched;

  /**
   * @param main the migration's own connection, which is cancelled when a stream fails
   */
  ReceivingStreams(MigrationChannel main) {
    this.barrier = new PassBarrier(main);
  }

  /**
   * Waits for all streams of a migration.
   *
   * @param acceptor accepts this migration's streams
   * @param source the migration's own connection, which is watched meanwhile
   */
  void accept(StreamAcceptor acceptor, FrameReader source) throws IOException {
    acceptor.acceptAll(
        source,
        (channel, reader) -> {
          channels.add(channel);
          readers.add(reader);
        });
    barrier.expect(channels.size());
  }

  /**
   * Starts to receive.
   *
   * @param compression how pages may be compressed
   */
  void start(ReceivingBlocks blocks, PageCompression compression) throws IOException {
    for (int i = 0; i < channels.size(); i++) {
      FrameReader reader = readers.get(i);
      RamReceiver receiver = new RamReceiver(blocks, compression);
      threads.add(
          Thread.ofPlatform()
              .daemon()
              .name("incoming-stream-" + i)
              .start(() -> run(receiver, reader)));
    }
  }

  private void run(RamReceiver receiver, FrameReader reader) {
    try (receiver) {
      receive(receiver, reader);
    } catch (EOFException e) {
      // A source that gives up says why on the migration's own connection.
      if (!barrier.awaitClose()) {
        barrier.fail(e);
      }
    } catch (IOException e) {
      barrier.fail(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      barrier.fail(new IOException("the stream was interrupted", e));
    } catch (RuntimeException | Error e) {
      // The other connections must not wait for this one for ever.
      barrier.fail(new IOException("internal error: " + e, e));
      throw e;
    }
  }

  private void receive(RamReceiver receiver, FrameReader reader)
      throws IOException, InterruptedException {
    long pass = 0;
    boolean last = false;
    while (!last) {
      FrameType type = reader.next();
      touched = true;
      ReceiverPhase.STREAM_RAM.check(reader);
      if (type == FrameType.RAM_PAGES) {
        receiver.pages(reader);
      } else if (type == FrameType.ZERO_PAGES) {
        receiver.zeroPages(reader);
      } else {
        pass++;
        last = checkPassEnd(reader, pass);
        barrier.endPass(last);
      }
    }
  }

  /** Checks {@code PASS_END}; returns whether it is the last. */
  static boolean checkPassEnd(FrameReader reader, long expected) throws ProtocolException {
    if (reader.page() != expected) {
      throw new ProtocolException(
          "PASS_END: pass " + Long.toUnsignedString(reader.page()) + ", expected " + expected);
    }
    return reader.has(Protocol.FLAG_FINAL);
  }

  /** Returns why a stream failed, or null. */
  @Nullable IOException failure() {
    return barrier.failure();
  }

  /** As {@link PassBarrier#endPass(boolean, IoAction)}. */
  void endPass(boolean last, IoAction between) throws IOException, InterruptedException {
    barrier.endPass(last, between);
  }

  /** Returns whether any frame has arrived over one of them. Final after {@link #close}. */
  boolean isTouched() {
    return touched;
  }

  /** Returns how many bytes were read from all of them. */
  long bytesRead() {
    return channels.stream().mapToLong(MigrationChannel::bytesRead).sum();
  }

  /** Ends threads and connections, and does nothing when called again. */
  @Override
  public void close() {
    if (!barrier.close()) {
      return;
    }
    channels.forEach(MigrationChannel::cancel);
    // The memory that the threads write may be unmapped next, so wait for them.
    threads.forEach(Threads::joinUninterruptibly);
    readers.forEach(FrameReader::close);
    channels.forEach(MigrationChannel::close);
  }
}
