package dev.ballast.tools.vm;

import dev.ballast.migration.protocol.MigrationConfig;
import dev.ballast.migration.protocol.Protocol;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Stands between the two sides of one migration and keeps what the source says. */
final class RecordingProxy implements AutoCloseable {
  private static final int TYPE_CONFIG = 3;
  private static final int TYPE_BITMAP = 7;

  private final ServerSocketChannel server;
  private final Path destination;
  private final ByteArrayOutputStream fromSource = new ByteArrayOutputStream();
  private final Thread thread = Thread.ofPlatform().name("proxy").unstarted(this::run);

  /**
   * @param listen where the source connects to
   * @param destination where the destination listens
   */
  RecordingProxy(Path listen, Path destination) throws IOException {
    this.destination = destination;
    this.server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(listen));
    thread.start();
  }

  private void run() {
    try (SocketChannel source = server.accept();
        SocketChannel target = SocketChannel.open(UnixDomainSocketAddress.of(destination))) {
      Thread back =
          Thread.ofPlatform()
              .name("proxy-back")
              .start(() -> pump(target, source, new ByteArrayOutputStream()));
      pump(source, target, fromSource);
      target.shutdownOutput();
      back.join();
    } catch (ClosedChannelException e) {
      // Closed before anybody came.
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void pump(SocketChannel from, SocketChannel to, ByteArrayOutputStream copy) {
    ByteBuffer buffer = ByteBuffer.allocate(1 << 16);
    try {
      while (from.read(buffer.clear()) >= 0) {
        buffer.flip();
        copy.write(buffer.array(), 0, buffer.limit());
        while (buffer.hasRemaining()) {
          to.write(buffer);
        }
      }
    } catch (IOException e) {
      // One side has ended: so does this direction.
    }
  }

  /** A frame that the source sent. */
  @SuppressWarnings("ArrayRecordComponent") // nobody compares frames
  private record Frame(int type, byte[] payload) {}

  private List<Frame> frames() throws InterruptedException {
    thread.join();
    List<Frame> frames = new ArrayList<>();
    ByteBuffer all = ByteBuffer.wrap(fromSource.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
    while (all.remaining() >= Protocol.HEADER_BYTES) {
      int at = all.position();
      byte[] payload = new byte[all.getInt(at + 32)];
      all.position(at + Protocol.HEADER_BYTES).get(payload);
      frames.add(new Frame(all.getShort(at + 4), payload));
    }
    return frames;
  }

  /** Returns what the source said that moves. The migration has ended. */
  MigrationConfig config() throws IOException, InterruptedException {
    byte[] payload =
        frames().stream().filter(f -> f.type == TYPE_CONFIG).findFirst().orElseThrow().payload;
    return MigrationConfig.decode(payload, Protocol.MAX_VERSION);
  }

  /** Returns how many frames with words of the bitmap there were. The migration has ended. */
  long bitmapFrames() throws InterruptedException {
    return frames().stream().filter(f -> f.type == TYPE_BITMAP).count();
  }

  @Override
  public void close() throws IOException {
    server.close();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
