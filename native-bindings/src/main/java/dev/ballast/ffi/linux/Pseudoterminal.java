package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.TerminalCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * The controlling side of a pseudoterminal, pty(7). What a user types at {@link #slave} can be read
 * here, and what is written here appears there.
 */
public final class Pseudoterminal implements AutoCloseable {
  private static final int PATH_SIZE = 128;

  private final FileDescriptor controller;
  private final Path slave;

  private Pseudoterminal(FileDescriptor controller, Path slave) {
    this.controller = controller;
    this.slave = slave;
  }

  /**
   * Opens a new pseudoterminal in raw mode: no echo, no line editing, no translation of line ends.
   *
   * @throws ErrnoException as posix_openpt(3), grantpt(3), unlockpt(3), tcsetattr(3)
   */
  public static Pseudoterminal open() throws ErrnoException {
    int fd = TerminalCalls.posixOpenpt(LinuxH.O_RDWR() | LinuxH.O_NOCTTY() | LinuxH.O_CLOEXEC());
    if (fd < 0) {
      throw new ErrnoException("posix_openpt", -fd, "");
    }
    FileDescriptor controller = FileDescriptor.owning(fd);
    try (Arena arena = Arena.ofConfined()) {
      check("grantpt", TerminalCalls.grantpt(fd));
      check("unlockpt", TerminalCalls.unlockpt(fd));
      MemorySegment path = arena.allocate(PATH_SIZE);
      check("ptsname_r", TerminalCalls.ptsname(fd, path, PATH_SIZE));
      MemorySegment termios = arena.allocate(LinuxH.SIZEOF_termios(), Long.BYTES);
      check("tcgetattr", TerminalCalls.tcgetattr(fd, termios));
      TerminalCalls.cfmakeraw(termios);
      check("tcsetattr", TerminalCalls.tcsetattr(fd, LinuxH.TCSANOW(), termios));
      return new Pseudoterminal(controller, Path.of(path.getString(0)));
    } catch (ErrnoException e) {
      controller.close();
      throw e;
    }
  }

  private static void check(String call, int result) throws ErrnoException {
    if (result < 0) {
      throw new ErrnoException(call, -result, "pseudoterminal");
    }
  }

  /**
   * Returns the controlling side's descriptor, which stays this object's to close. Reading fails
   * with EIO while the other side is closed, after it was open.
   */
  public FileDescriptor controller() {
    return controller;
  }

  /** Returns the path of the other side, for instance {@code /dev/pts/3}. */
  public Path slave() {
    return slave;
  }

  @Override
  public void close() {
    controller.close();
  }
}
