package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.ballast.ffi.generated.linux.LinuxH;
import dev.ballast.ffi.libc.PlacementCalls;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;

/**
 * From which nodes of the host memory comes, set_mempolicy(2).
 *
 * @param mode how the nodes are used
 * @param nodes their numbers, at least one; {@link Mode#PREFERRED} has exactly one. They are the
 *     host's also after the process was moved to a cpuset with others (MPOL_F_STATIC_NODES)
 */
public record NumaPolicy(Mode mode, NumberSet nodes) {
  /** How the nodes are used. */
  public enum Mode {
    /** Only from these: what they do not have is a fault. */
    BIND(LinuxH.MPOL_BIND()),
    /** From this one as long as it has memory. */
    PREFERRED(LinuxH.MPOL_PREFERRED()),
    /** From each in turn. */
    INTERLEAVE(LinuxH.MPOL_INTERLEAVE());

    private final int number;

    Mode(int number) {
      this.number = number;
    }
  }

  /** As many as a kernel can be built for (CONFIG_NODES_SHIFT is 10 at most). */
  public static final int MAX_NODES = 1024;

  /** No policy (linux/mempolicy.h). */
  private static final int MPOL_DEFAULT = 0;

  public NumaPolicy {
    if (nodes.isEmpty() || nodes.end() > MAX_NODES) {
      throw new IllegalArgumentException("host nodes '" + nodes + "': expected 0 to 1023");
    }
    if (mode == Mode.PREFERRED && nodes.size() > 1) {
      throw new IllegalArgumentException("host nodes " + nodes + ": one can be preferred");
    }
  }

  /**
   * Sets the policy for memory that is populated from now on.
   *
   * @param segment native memory
   * @param offset in bytes, such that the address is page-aligned
   * @param length in bytes, a multiple of the page size
   * @throws ErrnoException as mbind(2): EINVAL if a node does not exist, has no memory, or is not
   *     allowed for this process; ENOMEM; ENOSYS
   */
  public void apply(MemorySegment segment, long offset, long length) throws ErrnoException {
    Objects.checkFromIndexSize(offset, length, segment.byteSize());
    try (Arena arena = Arena.ofConfined()) {
      int number = mode.number | LinuxH.MPOL_F_STATIC_NODES();
      long result =
          PlacementCalls.mbind(
              segment.address() + offset,
              length,
              number,
              BitMask.of(arena, nodes),
              // The kernel ignores the last of so many bits.
              nodes.end() + 1L,
              0);
      if (result < 0) {
        throw new ErrnoException(
            "mbind", (int) -result, length + " bytes, " + mode + " of the host's nodes " + nodes);
      }
    }
  }

  /**
   * Returns the policy of memory at an address; empty if it has none, or one that is not among
   * {@link Mode}.
   *
   * @throws ErrnoException as get_mempolicy(2)
   */
  public static Optional<NumaPolicy> at(long address) throws ErrnoException {
    return get(address, LinuxH.MPOL_F_ADDR());
  }

  /**
   * Returns whether the calling thread has a policy, which holds for all memory without one of its
   * own; it may be one that is not among {@link Mode}.
   *
   * @throws ErrnoException as get_mempolicy(2)
   */
  public static boolean isSetForThread() throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      return mode(arena, BitMask.allocate(arena, MAX_NODES), 0, 0) != MPOL_DEFAULT;
    }
  }

  private static int mode(Arena arena, MemorySegment nodes, long address, int flags)
      throws ErrnoException {
    MemorySegment mode = arena.allocate(JAVA_INT);
    long result = PlacementCalls.getMempolicy(mode, nodes, MAX_NODES + 1L, address, flags);
    if (result < 0) {
      throw new ErrnoException("get_mempolicy", (int) -result, "0x" + Long.toHexString(address));
    }
    return mode.get(JAVA_INT, 0);
  }

  private static Optional<NumaPolicy> get(long address, int flags) throws ErrnoException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment nodes = BitMask.allocate(arena, MAX_NODES);
      int number = mode(arena, nodes, address, flags) & ~LinuxH.MPOL_F_STATIC_NODES();
      for (Mode known : Mode.values()) {
        if (known.number == number) {
          return Optional.of(new NumaPolicy(known, BitMask.read(nodes)));
        }
      }
      return Optional.empty();
    }
  }
}
