package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.MemoryCalls;

/** Facts about the host's memory. */
public final class HostMemory {
  private HostMemory() {}

  /** Returns the size in bytes of the pages in which the host maps memory. */
  public static long pageSize() {
    return MemoryCalls.sysconf(LinuxH._SC_PAGESIZE());
  }
}
