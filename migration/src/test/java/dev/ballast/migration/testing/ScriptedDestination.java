package dev.ballast.migration.testing;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.Protocol;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;

/**
 * A destination that takes everything, and says what it is told to at two moments: while state
 * comes, so that the source finds all of it in its socket when it looks for READY; and after
 * COMMIT.
 */
public final class ScriptedDestination implements AutoCloseable {
  /** Ends the direction, instead of bytes. */
  public static final byte[] FIN = {};

  /** Says that it is still there, until the source has closed. */
  @SuppressWarnings("MutablePublicArray") // a marker, told from bytes by its identity
  public static final byte[] KEEPALIVES = {0};

  private final int version;
  private final ServerSocket server;
  private final List<byte[]> insteadOfReady;
  private final List<byte[]> insteadOfRunning;
  private final List<Integer> types = new CopyOnWriteArrayList<>();
  private final Thread thread;

  /**
   * Starts.
   *
   * @param insteadOfReady bytes, or {@link #FIN}
   * @param insteadOfRunning bytes, or {@link #FIN}
   */
  public ScriptedDestination(List<byte[]> insteadOfReady, List<byte[]> insteadOfRunning)
      throws IOException {
    this(Protocol.MAX_VERSION, insteadOfReady, insteadOfRunning);
  }

  /**
   * Starts one that speaks an older version.
   *
   * @param version of the protocol
   * @param insteadOfReady bytes, or {@link #FIN}
   * @param insteadOfRunning bytes, or {@link #FIN}
   */
  public ScriptedDestination(
      int version, List<byte[]> insteadOfReady, List<byte[]> insteadOfRunning) throws IOException {
    this.version = version;
    this.server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    this.insteadOfReady = insteadOfReady;
    this.insteadOfRunning = insteadOfRunning;
    this.thread = Thread.ofPlatform().daemon().name("scripted-destination").start(this::serve);
  }

  /** Returns where it listens. */
  public MigrationUri uri() {
    return new MigrationUri.Tcp(server.getInetAddress().getHostAddress(), server.getLocalPort());
  }

  /** Returns whether COMMIT has come. */
  public boolean isCommitted() {
    return types.contains(FrameType.COMMIT.code());
  }

  /** Waits until the source has closed; returns whether it sent COMMIT. */
  public boolean wasCommitted() throws InterruptedException {
    thread.join();
    return isCommitted();
  }

  private void serve() {
    try (Socket source = server.accept()) {
      DataInputStream in = new DataInputStream(source.getInputStream());
      while (true) {
        byte[] header = in.readNBytes(Protocol.HEADER_BYTES);
        if (header.length < Protocol.HEADER_BYTES) {
          return;
        }
        int type = Frames.type(header);
        answer(source, type);
        types.add(type);
        in.skipNBytes(ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).getInt(32));
      }
    } catch (EOFException e) {
      return;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void answer(Socket source, int type) throws IOException {
    if (type == FrameType.HELLO.code()) {
      byte[] reply = new Messages.HelloReply(version).encode();
      say(source, List.of(Frames.of(FrameType.HELLO_REPLY, reply)));
    } else if (type == FrameType.CONFIG.code()) {
      say(source, List.of(Frames.of(FrameType.CONFIG_REPLY, new byte[0])));
    } else if (type == FrameType.STATE_SECTION.code() && !types.contains(type)) {
      say(source, insteadOfReady);
    } else if (type == FrameType.COMMIT.code()) {
      say(source, insteadOfRunning);
    }
  }

  private static void keepAlive(OutputStream out) {
    byte[] frame = Frames.of(FrameType.KEEPALIVE, new byte[0]);
    try {
      while (true) {
        out.write(frame);
        LockSupport.parkNanos(20_000_000);
      }
    } catch (IOException e) {
      // The source has closed.
      return;
    }
  }

  private static void say(Socket source, List<byte[]> script) throws IOException {
    OutputStream out = source.getOutputStream();
    for (byte[] bytes : script) {
      if (bytes == FIN) {
        source.shutdownOutput();
      } else if (bytes == KEEPALIVES) {
        Thread.ofPlatform().daemon().name("keep-alive").start(() -> keepAlive(out));
      } else {
        out.write(bytes);
      }
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
