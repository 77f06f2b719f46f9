package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import com.sun.jna.LastErrorException;
import com.sun.jna.Library;
import com.sun.jna.Native;
import dev.ballast.ffi.generated.kvm.KvmH;
import dev.ballast.ffi.libc.Downcalls;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.FileDescriptor;
import java.io.UncheckedIOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One ioctl(2) that the kernel answers at once, {@code KVM_GET_API_VERSION}, as the bindings make
 * it; by JNA; and by downcalls that do less than the bindings need: without errno, and without
 * telling the JVM that the thread is in native code, as only a call that cannot block may.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class IoctlBenchmark {
  private static final long REQUEST = KvmH.KVM_GET_API_VERSION();
  private static final MethodHandle WITHOUT_ERRNO = ioctl();
  private static final MethodHandle CRITICAL = ioctl(Linker.Option.critical(false));

  private final LibC jna = Native.load("c", LibC.class);
  private final Kvm kvm;
  private final FileDescriptor file;

  /** Opens {@code /dev/kvm}. */
  public IoctlBenchmark() {
    try {
      kvm = Kvm.open();
      file = FileDescriptor.open(Path.of("/dev/kvm"), FileDescriptor.O_RDWR);
    } catch (ErrnoException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What JNA makes a proxy for; it has errno captured for the sake of the exception. */
  public interface LibC extends Library {
    /** ioctl(2). */
    int ioctl(int fd, long request, long argument) throws LastErrorException;
  }

  /** What JNA registers as a native method. */
  static final class DirectLibC {
    static {
      Native.register("c");
    }

    private DirectLibC() {}

    static native int ioctl(int fd, long request, long argument) throws LastErrorException;
  }

  private static MethodHandle ioctl(Linker.Option... options) {
    Linker.Option[] all = new Linker.Option[options.length + 1];
    System.arraycopy(options, 0, all, 0, options.length);
    all[options.length] = Linker.Option.firstVariadicArg(2);
    return Linker.nativeLinker()
        .downcallHandle(
            Downcalls.address("ioctl"),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG),
            all);
  }

  @Benchmark
  public int bindings() throws ErrnoException {
    return kvm.apiVersion();
  }

  @Benchmark
  public int peerJnaInterface() {
    return jna.ioctl(file.value(), REQUEST, 0);
  }

  @Benchmark
  public int peerJnaDirect() {
    return DirectLibC.ioctl(file.value(), REQUEST, 0);
  }

  @Benchmark
  public int limitWithoutErrno() throws Throwable {
    return (int) WITHOUT_ERRNO.invokeExact(file.value(), REQUEST, 0L);
  }

  @Benchmark
  public int limitCritical() throws Throwable {
    return (int) CRITICAL.invokeExact(file.value(), REQUEST, 0L);
  }

  /** Closes what was opened. */
  @TearDown
  public void close() {
    file.close();
    kvm.close();
  }
}
