package dev.ballast.migration.testing;

import dev.ballast.migration.channel.MigrationUri;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.CountDownLatch;

/** Stands between a source and a destination, records what the source sends, and does harm. */
public final class FaultyProxy implements AutoCloseable {
  /** What goes wrong. */
  public enum Fault {
    /** Nothing. */
    NONE,
    /** Both connections are closed before the byte is handed on. */
    CUT,
    /** The stream ends before the byte, but answers are still handed on. */
    TRUNCATE,
    /** A bit of the byte is inverted. */
    FLIP,
    /** Neither the byte nor anything after it is handed on, and nothing is closed. */
    STALL,
    /** The byte and all after it are handed on together, once the sender has closed. */
    HOLD
  }

  /** Which way the bytes go. */
  public enum Direction {
    /** From source to destination. */
    FORTH,
    /** From destination to source. */
    BACK
  }

  private final ServerSocket server;
  private final MigrationUri.Tcp target;
  private final Fault fault;
  private final Direction direction;
  private final long position;
  private final ByteArrayOutputStream recorded = new ByteArrayOutputStream();
  private final CountDownLatch ended = new CountDownLatch(2);
  private volatile boolean harmed;

  /**
   * Starts.
   *
   * @param target where the destination listens
   * @param fault what goes wrong
   * @param direction in which direction
   * @param position at which byte
   */
  public FaultyProxy(MigrationUri target, Fault fault, Direction direction, long position)
      throws IOException {
    this.target = (MigrationUri.Tcp) target;
    this.fault = fault;
    this.direction = direction;
    this.position = position;
    this.server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    Thread.ofPlatform().daemon().name("proxy").start(this::serve);
  }

  /** Returns where it listens. */
  public MigrationUri uri() {
    return new MigrationUri.Tcp(server.getInetAddress().getHostAddress(), server.getLocalPort());
  }

  /** Returns whether the fault happened. */
  public boolean harmed() {
    return harmed;
  }

  /** Waits until both connections have ended; returns what the source sent. */
  public byte[] recorded() throws InterruptedException {
    ended.await();
    return recorded.toByteArray();
  }

  private void serve() {
    try (Socket source = server.accept();
        Socket destination = new Socket(target.host(), target.port())) {
      Thread back =
          Thread.ofPlatform()
              .daemon()
              .name("proxy-back")
              .start(() -> pump(destination, source, Direction.BACK));
      pump(source, destination, Direction.FORTH);
      back.join();
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void pump(Socket from, Socket to, Direction way) {
    byte[] buffer = new byte[64 << 10];
    long done = 0;
    boolean faulty = way == direction && fault != Fault.NONE;
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
        if (way == Direction.FORTH) {
          recorded.write(buffer, 0, read);
        }
        int good = read;
        if (faulty && position < done + read) {
          harmed = true;
          good = (int) (position - done);
          if (fault == Fault.FLIP) {
            buffer[good] ^= (byte) (1 << (position % 8));
            good = read;
            faulty = false;
          }
        }
        out.write(buffer, 0, good);
        if (good < read && fault == Fault.HOLD) {
          ByteArrayOutputStream held = new ByteArrayOutputStream();
          held.write(buffer, good, read - good);
          readToEnd(in, held);
          out.write(held.toByteArray());
        } else if (good < read) {
          if (fault == Fault.STALL) {
            swallow(in);
          } else if (fault == Fault.TRUNCATE) {
            to.shutdownOutput();
            swallow(in);
          }
          from.close();
          to.close();
          return;
        }
        done += read;
      }
      to.shutdownOutput();
    } catch (IOException _) {
      // The other direction, or one of the two sides, has closed its socket.
      closeQuietly(from);
      closeQuietly(to);
    } finally {
      ended.countDown();
    }
  }

  /** A sender that closes with unread data in its socket ends with a reset. */
  private static void readToEnd(InputStream in, ByteArrayOutputStream into) {
    try {
      in.transferTo(into);
    } catch (IOException e) {
      closeQuietly(in);
    }
  }

  private static void swallow(InputStream in) throws IOException {
    byte[] buffer = new byte[4096];
    int read = in.read(buffer);
    while (read >= 0) {
      read = in.read(buffer);
    }
  }

  private static void closeQuietly(Closeable socket) {
    try {
      socket.close();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Override
  public void close() throws IOException {
    server.close();
  }
}
