package dev.ballast.vmm.boot;

import java.nio.file.Path;
import java.util.Optional;

/**
 * The kernel to boot.
 *
 * <p>A vmlinux that is entered directly runs at the address it is linked for: relocating and
 * randomising it (KASLR) is the work of the decompressor in the bzImage, which only {@link
 * Mode#BZIMAGE} lets run.
 *
 * @param kernel a bzImage or an ELF file
 * @param initrd the initial RAM disk
 * @param commandLine the kernel's command line, at most {@link #MAX_COMMAND_LINE} bytes of UTF-8
 *     without a 0
 * @param mode how the file is entered
 */
public record KernelConfig(Path kernel, Optional<Path> initrd, String commandLine, Mode mode) {
  /** The longest command line in bytes. */
  public static final int MAX_COMMAND_LINE = 2047;

  /** How a kernel file is entered. */
  public enum Mode {
    /**
     * By what the file is: an ELF file, or a bzImage that the VMM decompresses, is entered like
     * with {@link #ELF}; a bzImage compressed in a way that the VMM does not know, like with {@link
     * #BZIMAGE}.
     */
    AUTO,
    /** A bzImage by the 64-bit boot protocol; the guest decompresses it. */
    BZIMAGE,
    /** An ELF file, or a bzImage's payload, by PVH or else by its 64-bit entry. */
    ELF
  }
}
