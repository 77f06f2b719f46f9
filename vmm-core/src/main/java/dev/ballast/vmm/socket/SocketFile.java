package dev.ballast.vmm.socket;

import java.io.IOException;
import java.net.ConnectException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * A Unix socket that others can connect to, and its file. Only the owner may connect (mode 0600),
 * from the first moment on. Any thread.
 */
public final class SocketFile implements AutoCloseable {
  private final Path path;
  private final ServerSocketChannel channel;
  private final @Nullable Object fileKey;

  private SocketFile(Path path, ServerSocketChannel channel) throws IOException {
    this.path = path;
    this.channel = channel;
    this.fileKey = attributes(path).fileKey();
  }

  /**
   * Listens. A socket that nobody listens to any more is replaced.
   *
   * @param path where, at most 107 bytes; its directory must exist and have at most 98
   * @param backlog how many clients may wait to be accepted; 0 for the default
   * @throws IOException if something else is there, or the path cannot be used; the message is
   *     complete
   */
  public static SocketFile listen(Path path, int backlog) throws IOException {
    Path absolute = path.toAbsolutePath();
    Path directory = absolute.getParent();
    if (directory == null || !Files.isDirectory(directory)) {
      throw new IOException("cannot listen on " + path + ": its directory does not exist");
    }
    removeStale(path);
    // Bound in a directory that nobody else can enter, so that the mode is right before others see
    // it.
    Path hidden =
        directory.resolve("." + Integer.toString(ThreadLocalRandom.current().nextInt(1 << 24), 36));
    Path bound = hidden.resolve("s");
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      Files.createDirectory(
          hidden,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
      try {
        channel.bind(UnixDomainSocketAddress.of(bound), backlog);
        Files.setPosixFilePermissions(bound, PosixFilePermissions.fromString("rw-------"));
        Files.move(bound, path);
      } finally {
        Files.deleteIfExists(bound);
        Files.delete(hidden);
      }
      return new SocketFile(path, channel);
    } catch (FileAlreadyExistsException e) {
      channel.close();
      throw new IOException("cannot listen on " + path + ": something is there already", e);
    } catch (IOException e) {
      channel.close();
      throw new IOException("cannot listen on " + path + ": " + e.getMessage(), e);
    }
  }

  private static BasicFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static void removeStale(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!attributes(path).isOther()) {
      throw new IOException("cannot listen on " + path + ": it is not a socket");
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      // Without waiting, as it would where too many clients wait already.
      probe.configureBlocking(false);
      probe.connect(UnixDomainSocketAddress.of(path));
    } catch (ConnectException e) {
      Files.deleteIfExists(path);
      return;
    } catch (IOException e) {
      throw new IOException(
          "cannot listen on " + path + ": another process may listen there: " + e.getMessage(), e);
    }
    throw new IOException("cannot listen on " + path + ": another process listens there");
  }

  /** Returns what accepts clients. */
  public ServerSocketChannel channel() {
    return channel;
  }

  /** Stops to listen and removes the file, unless it has been replaced meanwhile. */
  @Override
  public void close() throws IOException {
    channel.close();
    if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)
        && Objects.equals(attributes(path).fileKey(), fileKey)) {
      Files.deleteIfExists(path);
    }
  }
}
