package dev.ballast.vmm.socket;

import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.io.Closeable;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Unix socket that other processes can connect to, and its file. Only the owner may connect (mode
 * 0600), from the first moment on. Any thread.
 */
public final class SocketFile implements Closeable {
  private static final Logger log = LoggerFactory.getLogger(SocketFile.class);

  /** The longest path of a socket in bytes: {@code sun_path} of unix(7) without its final 0. */
  public static final int MAX_PATH = 107;

  /** The longest path in bytes that the JDK accepts. */
  private static final int MAX_ADDRESS = 106;

  private static final String BOUND = "s";
  private static final int S_IFMT = 0170000;
  private static final int S_IFSOCK = 0140000;

  private final Path path;
  private final ServerSocketChannel channel;
  private final @Nullable Object fileKey;
  private final AtomicBoolean closed = new AtomicBoolean();

  private SocketFile(Path path, ServerSocketChannel channel, @Nullable Object fileKey) {
    this.path = path;
    this.channel = channel;
    this.fileKey = fileKey;
  }

  /** Returns why a path cannot be a socket's; empty if it can. */
  public static Optional<String> refusal(Path path) {
    int length = length(path);
    if (length == 0) {
      return Optional.of("the path of the socket is empty");
    }
    return length <= MAX_PATH
        ? Optional.empty()
        : Optional.of(
            "the path has %d bytes, and that of a socket at most %d:".formatted(length, MAX_PATH)
                + " use a shorter one, or one relative to the working directory");
  }

  private static int length(Path path) {
    return path.toString().getBytes(StandardCharsets.UTF_8).length;
  }

  /**
   * Listens at a path. A socket that no process listens to any more is replaced.
   *
   * @param path the socket's file, 1 to {@link #MAX_PATH} bytes; its directory must exist
   * @param backlog how many clients may wait to be accepted; 0 for the default
   * @throws IOException if something else is there, or the path cannot be used; the message names
   *     the path and the reason
   */
  public static SocketFile listen(Path path, int backlog) throws IOException {
    try {
      Optional<String> refusal = refusal(path);
      if (refusal.isPresent()) {
        throw new IOException(refusal.get());
      }
      Path directory = Objects.requireNonNullElse(path.getParent(), Path.of(""));
      if (!Files.isDirectory(directory)) {
        throw new IOException("its directory does not exist");
      }
      boolean stale = Files.exists(path, LinkOption.NOFOLLOW_LINKS);
      if (stale) {
        checkStale(path);
      }
      Path hidden = makeHidden(directory);
      try {
        return listen(path, backlog, hidden, stale);
      } finally {
        remove(hidden);
      }
    } catch (IOException e) {
      throw new IOException("cannot listen on " + path + ": " + e.getMessage(), e);
    }
  }

  /** Makes a directory that no other user can enter, so that the mode is right before they can. */
  private static Path makeHidden(Path directory) throws IOException {
    String name = "." + Integer.toString(ThreadLocalRandom.current().nextInt(1 << 30), 36);
    try {
      return Files.createDirectory(
          directory.resolve(name),
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    } catch (AccessDeniedException e) {
      throw new IOException("this user may not make files in its directory", e);
    }
  }

  private static SocketFile listen(Path path, int backlog, Path hidden, boolean stale)
      throws IOException {
    Path bound = hidden.resolve(BOUND);
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    boolean ready = false;
    try {
      // By its number, since the directory's name may take all bytes that an address has.
      try (FileDescriptor directory = FileDescriptor.open(hidden, FileDescriptor.O_PATH)) {
        channel.bind(UnixDomainSocketAddress.of(byNumber(directory) + "/" + BOUND), backlog);
      }
      Files.setPosixFilePermissions(bound, PosixFilePermissions.fromString("rw-------"));
      SocketFile made = new SocketFile(path, channel, attributes(bound).fileKey());
      if (stale) {
        removeStale(path, hidden.resolve("old"));
      }
      // The last step, so that no later failure leaves the file.
      put(bound, path);
      ready = true;
      return made;
    } catch (FileAlreadyExistsException e) {
      throw new IOException("something is there already", e);
    } finally {
      if (!ready) {
        channel.close();
      }
    }
  }

  /** Uses a link, which never replaces a file that was made there meanwhile, as a move may. */
  private static void put(Path bound, Path path) throws IOException {
    try {
      Files.createLink(path, bound);
    } catch (FileAlreadyExistsException e) {
      throw e;
    } catch (FileSystemException | UnsupportedOperationException e) {
      log.debug("{}: no links there", path, e);
      Files.move(bound, path);
    }
  }

  private static void remove(Path hidden) {
    try {
      Files.deleteIfExists(hidden.resolve(BOUND));
      Files.delete(hidden);
    } catch (IOException e) {
      log.warn("{} is left and cannot be removed", hidden, e);
    }
  }

  private static String byNumber(FileDescriptor file) {
    return "/proc/self/fd/" + file.value();
  }

  private static BasicFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  /**
   * Moves a socket that no process listens to out of the way and checks again, because another
   * process may have put its own there since the first look.
   */
  private static void removeStale(Path path, Path old) throws IOException {
    try {
      Files.move(path, old);
    } catch (NoSuchFileException _) {
      return; // another process was faster
    }
    try {
      checkStale(old);
    } catch (IOException e) {
      Files.createLink(path, old);
      Files.delete(old);
      throw e;
    }
    Files.delete(old);
  }

  /** Does nothing if there is a socket to which no process listens. */
  private static void checkStale(Path path) throws IOException {
    int mode = (int) Files.getAttribute(path, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    if ((mode & S_IFMT) != S_IFSOCK) {
      throw new IOException("it is not a socket");
    }
    try (SocketChannel probe = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      // Without waiting, as it would where too many clients wait already.
      probe.configureBlocking(false);
      reach(probe, path);
    } catch (ConnectException _) {
      return;
    } catch (IOException e) {
      throw new IOException("another process may listen there: " + e.getMessage(), e);
    }
    throw new IOException("another process listens there");
  }

  /**
   * Connects to a socket.
   *
   * @param channel a channel of Unix sockets
   * @param path the socket's file, 1 to {@link #MAX_PATH} bytes
   * @return as {@link SocketChannel#connect}
   * @throws ConnectException if no process listens there
   * @throws QueueFullException if the channel does not block, and too many clients wait there to be
   *     accepted; Java has closed the channel then
   * @throws SocketException if there is no such file, it may not be used, or its path is too long
   */
  public static boolean connect(SocketChannel channel, Path path) throws IOException {
    Optional<String> refusal = refusal(path);
    if (refusal.isPresent()) {
      throw new SocketException(refusal.get());
    }
    try {
      return reach(channel, path);
    } catch (SocketException e) {
      // Java reports EAGAIN in its message only; connect(2) returns it for no other reason.
      if (String.valueOf(e.getMessage()).contains("temporarily unavailable")) {
        throw new QueueFullException(e);
      }
      throw e;
    }
  }

  private static boolean reach(SocketChannel channel, Path path) throws IOException {
    if (length(path) <= MAX_ADDRESS) {
      return channel.connect(UnixDomainSocketAddress.of(path));
    }
    try (FileDescriptor socket = FileDescriptor.open(path, FileDescriptor.O_PATH)) {
      return channel.connect(UnixDomainSocketAddress.of(byNumber(socket)));
    } catch (ErrnoException e) {
      SocketException failure = new SocketException(e.getMessage());
      failure.initCause(e);
      throw failure;
    }
  }

  /** Returns the channel that accepts clients. */
  public ServerSocketChannel channel() {
    return channel;
  }

  /** Stops listening and removes the file, unless it has been replaced meanwhile. */
  @Override
  public void close() throws IOException {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    // The file goes first: as long as this socket is open, no other has its file key.
    try (channel) {
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)
          && Objects.equals(attributes(path).fileKey(), fileKey)) {
        Files.deleteIfExists(path);
      }
    }
  }
}
