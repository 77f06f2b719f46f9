package dev.ballast.ffi.libc;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * The downcalls into the C library, all of them. jextract cannot capture errno, so they are declared here by hand.
 * Every method returns what the call returned, or {@code -errno} where the call failed. None allocates on the heap
 * once it is compiled and its thread has its {@link CallState}, and none is a {@code critical} call, so all may block.
 */
public final class Libc {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");

  /** For {@code int f(int, unsigned long, ...)}: the arguments from this one on are variadic. */
  private static final Linker.Option VARIADIC_FROM_2 = Linker.Option.firstVariadicArg(2);

  private static final MethodHandle IOCTL_VALUE =
      call("ioctl", JAVA_INT, VARIADIC_FROM_2, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle IOCTL_POINTER =
      call("ioctl", JAVA_INT, VARIADIC_FROM_2, JAVA_INT, JAVA_LONG, ADDRESS);
  private static final MethodHandle OPEN =
      call("open", JAVA_INT, VARIADIC_FROM_2, ADDRESS, JAVA_INT, JAVA_INT);
  private static final MethodHandle CLOSE = call("close", JAVA_INT, JAVA_INT);
  private static final MethodHandle READ = call("read", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle WRITE = call("write", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle PREAD =
      call("pread", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle LSEEK =
      call("lseek", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
  private static final MethodHandle FTRUNCATE = call("ftruncate", JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle FALLOCATE =
      call("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MMAP =
      call("mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle MUNMAP = call("munmap", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MADVISE =
      call("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle MEMFD_CREATE =
      call("memfd_create", JAVA_INT, ADDRESS, JAVA_INT);
  private static final MethodHandle EVENTFD = call("eventfd", JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle SYSCONF = call("sysconf", JAVA_LONG, JAVA_INT);
  private static final MethodHandle GETPID = call("getpid", JAVA_INT);
  private static final MethodHandle GETTID = call("gettid", JAVA_INT);
  private static final MethodHandle TGKILL =
      call("tgkill", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle SIGACTION =
      call("sigaction", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
  private static final MethodHandle POSIX_OPENPT = call("posix_openpt", JAVA_INT, JAVA_INT);
  private static final MethodHandle GRANTPT = call("grantpt", JAVA_INT, JAVA_INT);
  private static final MethodHandle UNLOCKPT = call("unlockpt", JAVA_INT, JAVA_INT);
  private static final MethodHandle PTSNAME_R =
      call("ptsname_r", JAVA_INT, JAVA_INT, ADDRESS, JAVA_LONG);
  private static final MethodHandle TCGETATTR = call("tcgetattr", JAVA_INT, JAVA_INT, ADDRESS);
  private static final MethodHandle TCSETATTR =
      call("tcsetattr", JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS);
  private static final MethodHandle CFMAKERAW =
      LINKER.downcallHandle(address("cfmakeraw"), FunctionDescriptor.ofVoid(ADDRESS));
  private static final MethodHandle STRERRORNAME = description("strerrorname_np");
  private static final MethodHandle STRERRORDESC = description("strerrordesc_np");

  private Libc() {}

  private static MethodHandle call(String name, MemoryLayout result, MemoryLayout... arguments) {
    return LINKER.downcallHandle(address(name), FunctionDescriptor.of(result, arguments), ERRNO);
  }

  private static MethodHandle call(
      String name, MemoryLayout result, Linker.Option option, MemoryLayout... arguments) {
    return LINKER.downcallHandle(
        address(name), FunctionDescriptor.of(result, arguments), ERRNO, option);
  }

  private static MethodHandle description(String name) {
    return LINKER.downcallHandle(address(name), FunctionDescriptor.of(ADDRESS, JAVA_INT));
  }

  /** Returns the address of the C library's function {@code name}. */
  public static MemorySegment address(String name) {
    return LINKER.defaultLookup().findOrThrow(name);
  }

  private static int result(int value, MemorySegment state) {
    return value == -1 ? -CallState.errno(state) : value;
  }

  private static long result(long value, MemorySegment state) {
    return value == -1 ? -CallState.errno(state) : value;
  }

  /** A downcall declares {@code Throwable} but throws only what the caller did wrong: an unchecked exception. */
  private static AssertionError unexpected(Throwable thrown) {
    switch (thrown) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new AssertionError("a downcall threw a checked exception", thrown);
    }
  }

  /** ioctl(2) with an integer argument, and errno in a segment that the caller owns. */
  public static int ioctl(MemorySegment state, int fd, long request, long argument) {
    try {
      return result((int) IOCTL_VALUE.invokeExact(state, fd, request, argument), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** ioctl(2) with an integer argument. */
  public static int ioctl(int fd, long request, long argument) {
    return ioctl(CallState.current(), fd, request, argument);
  }

  /** ioctl(2) with a pointer argument. */
  public static int ioctl(int fd, long request, MemorySegment argument) {
    try {
      MemorySegment state = CallState.current();
      return result((int) IOCTL_POINTER.invokeExact(state, fd, request, argument), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** open(2). */
  public static int open(MemorySegment path, int flags, int mode) {
    try {
      MemorySegment state = CallState.current();
      return result((int) OPEN.invokeExact(state, path, flags, mode), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** close(2). */
  public static int close(int fd) {
    try {
      MemorySegment state = CallState.current();
      return result((int) CLOSE.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** read(2). */
  public static long read(int fd, MemorySegment buffer, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((long) READ.invokeExact(state, fd, buffer, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** write(2). */
  public static long write(int fd, MemorySegment buffer, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((long) WRITE.invokeExact(state, fd, buffer, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** pread(2). */
  public static long pread(int fd, MemorySegment buffer, long length, long offset) {
    try {
      MemorySegment state = CallState.current();
      return result((long) PREAD.invokeExact(state, fd, buffer, length, offset), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** lseek(2). */
  public static long lseek(int fd, long offset, int whence) {
    try {
      MemorySegment state = CallState.current();
      return result((long) LSEEK.invokeExact(state, fd, offset, whence), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** ftruncate(2). */
  public static int ftruncate(int fd, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((int) FTRUNCATE.invokeExact(state, fd, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** fallocate(2). */
  public static int fallocate(int fd, int mode, long offset, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((int) FALLOCATE.invokeExact(state, fd, mode, offset, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** mmap(2) at an address of the kernel's choice. User addresses are positive, so -errno cannot be one. */
  public static long mmap(long length, int protection, int flags, int fd, long offset) {
    try {
      MemorySegment state = CallState.current();
      return result(
          (long) MMAP.invokeExact(state, 0L, length, protection, flags, fd, offset), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** munmap(2). */
  public static int munmap(long address, long length) {
    try {
      MemorySegment state = CallState.current();
      return result((int) MUNMAP.invokeExact(state, address, length), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** madvise(2). */
  public static int madvise(long address, long length, int advice) {
    try {
      MemorySegment state = CallState.current();
      return result((int) MADVISE.invokeExact(state, address, length, advice), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** memfd_create(2). */
  public static int memfdCreate(MemorySegment name, int flags) {
    try {
      MemorySegment state = CallState.current();
      return result((int) MEMFD_CREATE.invokeExact(state, name, flags), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** eventfd(2). */
  public static int eventfd(int initial, int flags) {
    try {
      MemorySegment state = CallState.current();
      return result((int) EVENTFD.invokeExact(state, initial, flags), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** sysconf(3). */
  public static long sysconf(int name) {
    try {
      MemorySegment state = CallState.current();
      return result((long) SYSCONF.invokeExact(state, name), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** getpid(2). */
  public static int getpid() {
    try {
      return (int) GETPID.invokeExact(CallState.current());
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** gettid(2). */
  public static int gettid() {
    try {
      return (int) GETTID.invokeExact(CallState.current());
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** tgkill(2). */
  public static int tgkill(int pid, int tid, int signal) {
    try {
      MemorySegment state = CallState.current();
      return result((int) TGKILL.invokeExact(state, pid, tid, signal), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** sigaction(2). */
  public static int sigaction(int signal, MemorySegment action, MemorySegment old) {
    try {
      MemorySegment state = CallState.current();
      return result((int) SIGACTION.invokeExact(state, signal, action, old), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** posix_openpt(3). */
  public static int posixOpenpt(int flags) {
    try {
      MemorySegment state = CallState.current();
      return result((int) POSIX_OPENPT.invokeExact(state, flags), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** grantpt(3). */
  public static int grantpt(int fd) {
    try {
      MemorySegment state = CallState.current();
      return result((int) GRANTPT.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** unlockpt(3). */
  public static int unlockpt(int fd) {
    try {
      MemorySegment state = CallState.current();
      return result((int) UNLOCKPT.invokeExact(state, fd), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** ptsname_r(3), which returns its error number instead of setting errno. */
  public static int ptsname(int fd, MemorySegment buffer, long length) {
    try {
      return -(int) PTSNAME_R.invokeExact(CallState.current(), fd, buffer, length);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** tcgetattr(3). */
  public static int tcgetattr(int fd, MemorySegment termios) {
    try {
      MemorySegment state = CallState.current();
      return result((int) TCGETATTR.invokeExact(state, fd, termios), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** tcsetattr(3). */
  public static int tcsetattr(int fd, int when, MemorySegment termios) {
    try {
      MemorySegment state = CallState.current();
      return result((int) TCSETATTR.invokeExact(state, fd, when, termios), state);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** cfmakeraw(3), which cannot fail. */
  public static void cfmakeraw(MemorySegment termios) {
    try {
      CFMAKERAW.invokeExact(termios);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** strerrorname_np(3), for instance {@code ENOENT}; null for a number that has no name. */
  public static @Nullable String strerrorname(int errno) {
    try {
      return string((MemorySegment) STRERRORNAME.invokeExact(errno));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** strerrordesc_np(3), for instance {@code No such file or directory}; null for an unknown number. */
  public static @Nullable String strerrordesc(int errno) {
    try {
      return string((MemorySegment) STRERRORDESC.invokeExact(errno));
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static @Nullable String string(MemorySegment pointer) {
    return pointer.address() == 0 ? null : pointer.reinterpret(Long.MAX_VALUE).getString(0);
  }
}
