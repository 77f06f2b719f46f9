package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.Downcalls;
import dev.ballast.ffi.libc.ThreadCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Interrupts a thread's blocking system call such as {@code KVM_RUN}, by a signal whose handler
 * does nothing. The handler is the C library's {@code abs}: an upcall into Java is not allowed in a
 * signal handler. Other calls that the signal hits are restarted by the kernel ({@code
 * SA_RESTART}); {@code KVM_RUN} always returns EINTR.
 */
public final class ThreadKick {
  /**
   * SIGSTKFLT, which Linux never sends and neither HotSpot nor glibc uses. A real-time signal would
   * not do: each takes a place in the queue of the user's pending signals, and is refused with
   * EAGAIN when other processes have filled that (RLIMIT_SIGPENDING). This one is only pending or
   * not.
   */
  public static final int SIGNAL = 16;

  private static boolean installed;

  private ThreadKick() {}

  /**
   * Installs the handler, once in a process; later calls do nothing. Without it the signal ends the
   * process.
   *
   * @throws ErrnoException as sigaction(2)
   */
  public static synchronized void install() throws ErrnoException {
    if (installed) {
      return;
    }
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment action = arena.allocate(LinuxH.SIZEOF_sigaction(), ADDRESS.byteAlignment());
      action.set(ADDRESS, LinuxH.OFFSET_sigaction_sa_handler(), Downcalls.address("abs"));
      action.set(JAVA_INT, LinuxH.OFFSET_sigaction_sa_flags(), LinuxH.SA_RESTART());
      int result = ThreadCalls.sigaction(SIGNAL, action, MemorySegment.NULL);
      if (result < 0) {
        throw new ErrnoException("sigaction", -result, "signal " + SIGNAL);
      }
    }
    installed = true;
  }

  /** Returns the kernel's id of the calling thread (gettid), which must be a platform thread. */
  public static int currentThreadId() {
    return ThreadCalls.gettid();
  }

  /**
   * Signals a thread of this process. Does not allocate. A kick that arrives while the thread is on
   * its way into {@code KVM_RUN} is lost unless {@code immediate_exit} is set first.
   *
   * @param tid from {@link #currentThreadId}
   * @throws ErrnoException ESRCH if the thread has ended
   */
  public static void kick(int tid) throws ErrnoException {
    int result = ThreadCalls.tgkill(ThreadCalls.getpid(), tid, SIGNAL);
    if (result < 0) {
      throw new ErrnoException("tgkill", -result, "thread " + tid);
    }
  }
}
