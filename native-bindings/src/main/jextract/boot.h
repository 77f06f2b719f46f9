/*
 * What jextract reads for dev.ballast.ffi.generated.boot. struct boot_params embeds tables of the BIOS that
 * nobody fills here, so only the offsets that are used are computed, by the compiler.
 */
#include <stddef.h>
#include <asm/bootparam.h>

#define BOOT_PARAMS(member) OFFSET_boot_params_##member = offsetof(struct boot_params, member)
#define SETUP_HEADER(member) OFFSET_setup_header_##member = offsetof(struct boot_params, hdr.member)

enum boot_layout {
  BOOT_PARAMS(acpi_rsdp_addr),
  BOOT_PARAMS(ext_ramdisk_image),
  BOOT_PARAMS(ext_ramdisk_size),
  BOOT_PARAMS(ext_cmd_line_ptr),
  BOOT_PARAMS(e820_entries),
  BOOT_PARAMS(sentinel),
  BOOT_PARAMS(hdr),
  BOOT_PARAMS(e820_table),
  SIZEOF_boot_params = sizeof(struct boot_params),
  SETUP_HEADER(setup_sects),
  SETUP_HEADER(syssize),
  SETUP_HEADER(vid_mode),
  SETUP_HEADER(boot_flag),
  SETUP_HEADER(jump),
  SETUP_HEADER(header),
  SETUP_HEADER(version),
  SETUP_HEADER(kernel_version),
  SETUP_HEADER(type_of_loader),
  SETUP_HEADER(loadflags),
  SETUP_HEADER(code32_start),
  SETUP_HEADER(ramdisk_image),
  SETUP_HEADER(ramdisk_size),
  SETUP_HEADER(heap_end_ptr),
  SETUP_HEADER(cmd_line_ptr),
  SETUP_HEADER(initrd_addr_max),
  SETUP_HEADER(kernel_alignment),
  SETUP_HEADER(relocatable_kernel),
  SETUP_HEADER(min_alignment),
  SETUP_HEADER(xloadflags),
  SETUP_HEADER(cmdline_size),
  SETUP_HEADER(payload_offset),
  SETUP_HEADER(payload_length),
  SETUP_HEADER(setup_data),
  SETUP_HEADER(pref_address),
  SETUP_HEADER(init_size),
  SETUP_HEADER(kernel_info_offset),
  SIZEOF_setup_header = sizeof(struct setup_header),
};
