package dev.ballast.tools.bench;

import dev.ballast.vmm.memory.AnonymousRam;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * What a migration cannot beat: memory that is there is written to unix sockets, 1 MiB a call, and
 * read into memory that was never touched, with nothing else done about it.
 */
final class SocketLimit {
  private static final long BYTES_PER_STREAM = 512 * GuestPlan.MIB;
  private static final int CHUNK = (int) GuestPlan.MIB;

  private SocketLimit() {}

  /**
   * Measures the bandwidth of one stream and of two at once.
   *
   * @param directory for the sockets
   * @return bytes a second, of the better of the two
   */
  static double bytesPerSecond(Path directory) throws IOException, InterruptedException {
    return Math.max(bytesPerSecond(directory, 1), bytesPerSecond(directory, 2));
  }

  private static double bytesPerSecond(Path directory, int streams)
      throws IOException, InterruptedException {
    AnonymousRam from = new AnonymousRam(streams * BYTES_PER_STREAM, false);
    AnonymousRam to = new AnonymousRam(streams * BYTES_PER_STREAM, false);
    try (ExecutorService threads = Executors.newFixedThreadPool(2 * streams)) {
      from.segment().fill((byte) 1);
      List<Future<?>> ends = new ArrayList<>();
      long started = System.nanoTime();
      for (int i = 0; i < streams; i++) {
        Path socket = directory.resolve("limit." + i);
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket));
        ByteBuffer source = slice(from, i);
        ByteBuffer sink = slice(to, i);
        ends.add(threads.submit(() -> receive(server, sink)));
        ends.add(threads.submit(() -> send(socket, source)));
      }
      for (Future<?> end : ends) {
        end.get();
      }
      double seconds = (System.nanoTime() - started) / 1e9;
      for (int i = 0; i < streams; i++) {
        Files.delete(directory.resolve("limit." + i));
      }
      return streams * BYTES_PER_STREAM / seconds;
    } catch (ExecutionException e) {
      throw new IOException("the plain copy through a socket failed: " + e.getCause(), e);
    } finally {
      from.close();
      to.close();
    }
  }

  private static ByteBuffer slice(AnonymousRam ram, int stream) {
    return ram.segment().asSlice(stream * BYTES_PER_STREAM, BYTES_PER_STREAM).asByteBuffer();
  }

  private static Void receive(ServerSocketChannel server, ByteBuffer sink) throws IOException {
    try (server;
        SocketChannel channel = server.accept()) {
      while (sink.hasRemaining()) {
        int read = channel.read(nextChunk(sink));
        if (read < 0) {
          throw new IOException("the sender ended early");
        }
        sink.position(sink.position() + read);
      }
    }
    return null;
  }

  private static Void send(Path socket, ByteBuffer source) throws IOException {
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      while (source.hasRemaining()) {
        source.position(source.position() + channel.write(nextChunk(source)));
      }
    }
    return null;
  }

  private static ByteBuffer nextChunk(ByteBuffer buffer) {
    return buffer.slice(buffer.position(), Math.min(CHUNK, buffer.remaining()));
  }
}
