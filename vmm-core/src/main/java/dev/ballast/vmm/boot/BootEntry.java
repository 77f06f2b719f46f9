package dev.ballast.vmm.boot;

/** How the first vCPU enters a guest that has been loaded. */
public sealed interface BootEntry {
  /**
   * 32-bit protected mode without paging (Xen {@code docs/misc/pvh.pandoc}).
   *
   * @param entry the guest physical address of the first instruction
   * @param startInfo the guest physical address of {@code hvm_start_info}, passed in EBX
   */
  record Pvh(long entry, long startInfo) implements BootEntry {}

  /**
   * 64-bit mode with identity mapped memory (Linux {@code Documentation/arch/x86/boot.rst}, "64-bit
   * Boot Protocol").
   *
   * @param entry the guest physical address of the first instruction
   * @param bootParams the guest physical address of {@code struct boot_params}, passed in RSI
   */
  record Linux64(long entry, long bootParams) implements BootEntry {}
}
