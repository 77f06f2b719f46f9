package dev.ballast.vmm.bus;

/**
 * Where everything is in the guest's physical address space. No other class holds a guest physical
 * address.
 *
 * <pre>
 *   0x0000_0500    GDT for the 64-bit entry
 *   0x0000_6000    hvm_start_info, then module list and memory map (PVH)
 *   0x0000_7000    boot_params, the "zero page" (64-bit entry)
 *   0x0000_9000    page tables for the 64-bit entry, 6 pages
 *   0x0002_0000    command line
 *   0x0009_fc00    end of conventional memory
 *   0x000e_0000    ACPI tables
 *   0x0010_0000    kernel
 *   ...            initial RAM disk, at the end of RAM below the hole, as far as the kernel takes it
 *   0xc000_0000    hole for memory-mapped I/O
 *   0xd000_0000      virtio-mmio devices, one page each
 *   0xfec0_0000      I/O APIC
 *   0xfee0_0000      local APICs
 *   0xfffb_c000      identity map and task state segment, which KVM needs on some Intel processors
 *   0x1_0000_0000  the rest of RAM
 * </pre>
 */
public final class AddressMap {
  /** The GDT for the 64-bit entry. */
  public static final long GDT = 0x500;

  /** Its size in bytes: null, unused, 64-bit code at 0x10, data at 0x18. */
  public static final int GDT_SIZE = 32;

  /** {@code hvm_start_info}. */
  public static final long PVH_START_INFO = 0x6000;

  /** {@code boot_params}. */
  public static final long BOOT_PARAMS = 0x7000;

  /** The top page table for the 64-bit entry. */
  public static final long PAGE_TABLES = 0x9000;

  /** The command line, zero terminated. */
  public static final long COMMAND_LINE = 0x2_0000;

  /** The end of conventional memory. */
  public static final long LOW_MEMORY_END = 0x9_fc00;

  /** The ACPI tables, up to {@link #HIGH_MEMORY}. */
  public static final long ACPI_TABLES = 0xe_0000;

  /** The end of what firmware reserves below 1 MiB; RAM continues here. */
  public static final long HIGH_MEMORY = 0x10_0000;

  /** Where the hole for memory-mapped I/O starts. */
  public static final long MMIO_HOLE = 0xc000_0000L;

  /** The first virtio-mmio device. */
  public static final long VIRTIO_MMIO = 0xd000_0000L;

  /** The registers of the I/O APIC. */
  public static final long IO_APIC = 0xfec0_0000L;

  /** The I/O APIC's register for the end of an interrupt; in use where KVM has no I/O APIC. */
  public static final long IO_APIC_EOI = IO_APIC + 0x40;

  /** The registers of every vCPU's local APIC; also where messages for them are sent. */
  public static final long LOCAL_APIC = 0xfee0_0000L;

  /** The page for {@code KVM_SET_IDENTITY_MAP_ADDR}. */
  public static final long IDENTITY_MAP = 0xfffb_c000L;

  /** The three pages for {@code KVM_SET_TSS_ADDR}. */
  public static final long TASK_STATE_SEGMENT = 0xfffb_d000L;

  /** Where RAM continues after the hole. */
  public static final long HIGH_RAM = 0x1_0000_0000L;

  private AddressMap() {}
}
