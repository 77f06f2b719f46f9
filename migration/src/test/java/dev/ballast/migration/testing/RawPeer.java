package dev.ballast.migration.testing;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.channel.SocketUri;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.List;

/** A connection to a destination that sends bytes, whatever is answered. */
public final class RawPeer implements AutoCloseable {
  private final SocketChannel socket;
  private final Thread thread;

  private RawPeer(SocketChannel socket, List<byte[]> frames, boolean ends) {
    this.socket = socket;
    this.thread = Thread.ofPlatform().daemon().name("raw-peer").unstarted(() -> send(frames, ends));
  }

  /** Connects, sends on a thread of its own, and ends its direction. */
  public static RawPeer send(MigrationUri uri, List<byte[]> frames) throws IOException {
    return start(uri, frames, true);
  }

  /** Connects and sends on a thread of its own, and says nothing more until it is closed. */
  public static RawPeer sendAndStay(MigrationUri uri, List<byte[]> frames) throws IOException {
    return start(uri, frames, false);
  }

  private static RawPeer start(MigrationUri uri, List<byte[]> frames, boolean ends)
      throws IOException {
    SocketUri address = (SocketUri) uri;
    SocketChannel socket = SocketChannel.open(address.family());
    boolean ready = false;
    try {
      address.connect(socket);
      RawPeer peer = new RawPeer(socket, frames, ends);
      peer.thread.start();
      ready = true;
      return peer;
    } finally {
      if (!ready) {
        socket.close();
      }
    }
  }

  private void send(List<byte[]> frames, boolean ends) {
    try {
      for (byte[] frame : frames) {
        ByteBuffer bytes = ByteBuffer.wrap(frame);
        while (bytes.hasRemaining()) {
          socket.write(bytes);
        }
      }
      if (ends) {
        socket.shutdownOutput();
      }
    } catch (IOException _) {
      // The other side has said no and closed: what it made of the rest is of no interest.
      return;
    }
  }

  /** Closes the connection, and waits for the thread. */
  @Override
  public void close() {
    try {
      socket.close();
      thread.join();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
