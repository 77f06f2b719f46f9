package dev.ballast.ffi.linux;

import dev.ballast.ffi.generated.boot.BootH;
import dev.ballast.ffi.generated.boot.boot_e820_entry;

/**
 * Layout of {@code struct boot_params}, the "zero page" through which Linux on x86 is booted
 * (Documentation/arch/x86/boot.rst, zero-page.rst). All offsets are in bytes from the start of the
 * page; as the header is at the same place in a kernel image, they hold for that too. Fields are
 * little-endian and not aligned.
 */
public final class BootParams {
  /** Size of the whole page in bytes. */
  public static final int SIZE = BootH.SIZEOF_boot_params();

  /** u64: guest-physical address of the ACPI RSDP. */
  public static final int ACPI_RSDP_ADDR = BootH.OFFSET_boot_params_acpi_rsdp_addr();

  /** u32: bits 63:32 of the address of the initrd. */
  public static final int EXT_RAMDISK_IMAGE = BootH.OFFSET_boot_params_ext_ramdisk_image();

  /** u32: bits 63:32 of the size of the initrd. */
  public static final int EXT_RAMDISK_SIZE = BootH.OFFSET_boot_params_ext_ramdisk_size();

  /** u32: bits 63:32 of the address of the command line. */
  public static final int EXT_CMD_LINE_PTR = BootH.OFFSET_boot_params_ext_cmd_line_ptr();

  /** u8: how many entries of {@link #E820_TABLE} are filled. */
  public static final int E820_ENTRIES = BootH.OFFSET_boot_params_e820_entries();

  /** u8: must be 0; otherwise the kernel assumes that the boot loader did not clear the page. */
  public static final int SENTINEL = BootH.OFFSET_boot_params_sentinel();

  /** Where the setup header is, here and in the kernel image. */
  public static final int SETUP_HEADER = BootH.OFFSET_boot_params_hdr();

  /** The memory map: {@link #E820_MAX_ENTRIES} entries of {@link #E820_ENTRY_SIZE} bytes. */
  public static final int E820_TABLE = BootH.OFFSET_boot_params_e820_table();

  /** Most entries of {@link #E820_TABLE}. */
  public static final int E820_MAX_ENTRIES = BootH.E820_MAX_ENTRIES_ZEROPAGE();

  /** Size of an entry of {@link #E820_TABLE}; they are packed. */
  public static final int E820_ENTRY_SIZE = (int) boot_e820_entry.sizeof();

  /** u64 in an entry: the guest-physical address. */
  public static final int E820_ENTRY_ADDRESS = (int) boot_e820_entry.addr$offset();

  /** u64 in an entry: the size in bytes. */
  public static final int E820_ENTRY_LENGTH = (int) boot_e820_entry.size$offset();

  /** u32 in an entry: 1 for RAM, 2 reserved, 3 ACPI tables. */
  public static final int E820_ENTRY_TYPE = (int) boot_e820_entry.type$offset();

  /**
   * Size of the setup header that the headers used here know; a kernel's may be shorter or longer.
   */
  public static final int SETUP_HEADER_SIZE = BootH.SIZEOF_setup_header();

  /** {@link #HEADER} of a kernel with a boot protocol of 2.00 or newer: "HdrS". */
  public static final int HEADER_MAGIC = 0x53726448;

  /** u8: sectors of real-mode code after the first one; 0 means 4. */
  public static final int SETUP_SECTS = BootH.OFFSET_setup_header_setup_sects();

  /** u32: size of the protected-mode code in 16-byte paragraphs. */
  public static final int SYSSIZE = BootH.OFFSET_setup_header_syssize();

  /** u16: video mode. */
  public static final int VID_MODE = BootH.OFFSET_setup_header_vid_mode();

  /** u16: 0xAA55. */
  public static final int BOOT_FLAG = BootH.OFFSET_setup_header_boot_flag();

  /** u16: a jump over the rest of the header; the header ends at its target. */
  public static final int JUMP = BootH.OFFSET_setup_header_jump();

  /** u32: {@link #HEADER_MAGIC}. */
  public static final int HEADER = BootH.OFFSET_setup_header_header();

  /** u16: version of the boot protocol, for instance 0x020f. */
  public static final int VERSION = BootH.OFFSET_setup_header_version();

  /** u16: offset of the version string less 0x200, or 0. */
  public static final int KERNEL_VERSION = BootH.OFFSET_setup_header_kernel_version();

  /** u8: 0xff for a boot loader without a number. */
  public static final int TYPE_OF_LOADER = BootH.OFFSET_setup_header_type_of_loader();

  /** u8: {@link #LOADED_HIGH} and others. */
  public static final int LOADFLAGS = BootH.OFFSET_setup_header_loadflags();

  /** u32: address of the protected-mode code. */
  public static final int CODE32_START = BootH.OFFSET_setup_header_code32_start();

  /** u32: bits 31:0 of the address of the initrd. */
  public static final int RAMDISK_IMAGE = BootH.OFFSET_setup_header_ramdisk_image();

  /** u32: bits 31:0 of the size of the initrd. */
  public static final int RAMDISK_SIZE = BootH.OFFSET_setup_header_ramdisk_size();

  /** u16: end of the real-mode heap, less 0x200. */
  public static final int HEAP_END_PTR = BootH.OFFSET_setup_header_heap_end_ptr();

  /** u32: bits 31:0 of the address of the command line, a string that ends with 0. */
  public static final int CMD_LINE_PTR = BootH.OFFSET_setup_header_cmd_line_ptr();

  /** u32: highest address that the initrd may occupy. */
  public static final int INITRD_ADDR_MAX = BootH.OFFSET_setup_header_initrd_addr_max();

  /** u32: alignment of a relocatable kernel, in bytes. */
  public static final int KERNEL_ALIGNMENT = BootH.OFFSET_setup_header_kernel_alignment();

  /** u8: whether the kernel may be loaded elsewhere. */
  public static final int RELOCATABLE_KERNEL = BootH.OFFSET_setup_header_relocatable_kernel();

  /** u8: power of two, the least alignment. */
  public static final int MIN_ALIGNMENT = BootH.OFFSET_setup_header_min_alignment();

  /** u16: {@link #XLF_KERNEL_64} and others. */
  public static final int XLOADFLAGS = BootH.OFFSET_setup_header_xloadflags();

  /** u32: longest command line in bytes, without the terminating 0. */
  public static final int CMDLINE_SIZE = BootH.OFFSET_setup_header_cmdline_size();

  /** u32: where the compressed kernel starts in the protected-mode code. */
  public static final int PAYLOAD_OFFSET = BootH.OFFSET_setup_header_payload_offset();

  /** u32: length of the compressed kernel in bytes. */
  public static final int PAYLOAD_LENGTH = BootH.OFFSET_setup_header_payload_length();

  /** u64: address of a list of further data. */
  public static final int SETUP_DATA = BootH.OFFSET_setup_header_setup_data();

  /** u64: where the kernel would like to be loaded. */
  public static final int PREF_ADDRESS = BootH.OFFSET_setup_header_pref_address();

  /**
   * u32: memory that the kernel needs from where it is loaded, in bytes, before it knows the memory
   * map.
   */
  public static final int INIT_SIZE = BootH.OFFSET_setup_header_init_size();

  /** u32: where {@code kernel_info} is. */
  public static final int KERNEL_INFO_OFFSET = BootH.OFFSET_setup_header_kernel_info_offset();

  /** {@link #LOADFLAGS}: the protected-mode code is at 0x100000. */
  public static final int LOADED_HIGH = BootH.LOADED_HIGH();

  /** {@link #LOADFLAGS}: set by the decompressor when it randomises addresses. */
  public static final int KASLR_FLAG = BootH.KASLR_FLAG();

  /** {@link #LOADFLAGS}: no early messages. */
  public static final int QUIET_FLAG = BootH.QUIET_FLAG();

  /** {@link #LOADFLAGS}: do not reload the segment registers. */
  public static final int KEEP_SEGMENTS = BootH.KEEP_SEGMENTS();

  /** {@link #LOADFLAGS}: {@link #HEAP_END_PTR} is valid. */
  public static final int CAN_USE_HEAP = BootH.CAN_USE_HEAP();

  /** {@link #XLOADFLAGS}: there is a 64-bit entry point at 0x200 of the protected-mode code. */
  public static final int XLF_KERNEL_64 = BootH.XLF_KERNEL_64();

  /** {@link #XLOADFLAGS}: kernel, page, command line and initrd may be above 4 GiB. */
  public static final int XLF_CAN_BE_LOADED_ABOVE_4G = BootH.XLF_CAN_BE_LOADED_ABOVE_4G();

  /** {@link #XLOADFLAGS}: five levels of page tables are supported. */
  public static final int XLF_5LEVEL = BootH.XLF_5LEVEL();

  /** {@link #XLOADFLAGS}: five levels of page tables will be used. */
  public static final int XLF_5LEVEL_ENABLED = BootH.XLF_5LEVEL_ENABLED();

  private BootParams() {}
}
