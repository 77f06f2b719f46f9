package dev.ballast.ffi.linux;

import dev.ballast.ffi.libc.PlacementCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** On which processors of the host a thread may run, sched_setaffinity(2). */
public final class ThreadAffinity {
  /** As many as a kernel can be built for (CONFIG_NR_CPUS is 8192 at most). */
  public static final int MAX_CPUS = 8192;

  private ThreadAffinity() {}

  /**
   * Sets on which processors a thread may run from now on.
   *
   * @param tid of a thread of this process, from {@link ThreadKick#currentThreadId}
   * @param cpus their numbers, at least one; those that the process may not use are ignored
   * @throws ErrnoException EINVAL if the process may use none of them; ESRCH if the thread has
   *     ended
   */
  public static void set(int tid, NumberSet cpus) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = BitMask.of(arena, cpus);
      int result = PlacementCalls.schedSetaffinity(tid, mask.byteSize(), mask);
      if (result < 0) {
        throw new ErrnoException(
            "sched_setaffinity", -result, "thread " + tid + ", host CPUs " + cpus);
      }
    }
  }

  /**
   * Returns on which processors a thread may run.
   *
   * @throws ErrnoException ESRCH if the thread has ended
   */
  public static NumberSet get(int tid) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment mask = BitMask.allocate(arena, MAX_CPUS);
      int result = PlacementCalls.schedGetaffinity(tid, mask.byteSize(), mask);
      if (result < 0) {
        throw new ErrnoException("sched_getaffinity", -result, "thread " + tid);
      }
      return BitMask.read(mask);
    }
  }
}
