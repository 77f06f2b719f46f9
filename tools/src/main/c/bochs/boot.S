/*
 * The first sector of the disk that Bochs boots from: reads what a table in it names, and enters Linux at
 * its 32-bit entry (Documentation/arch/x86/boot.rst, "32-bit Boot Protocol"). There is no boot loader and no
 * call to the BIOS; the class BootDisk writes the table, and boot_params with the memory map.
 *
 * The disk is the first one of the first IDE channel, read by PIO with 28-bit addresses.
 */

    /* Else the symbol table would name the compiler's temporary file, another one in each build. */
    .file "boot.S"

#define CODE 0x10
#define DATA 0x18

#define ATA_DATA 0x1f0
#define ATA_SECTOR_COUNT 0x1f2
#define ATA_STATUS 0x1f7
#define ATA_CONTROL 0x3f6
#define ATA_NO_INTERRUPTS 0x02
#define ATA_LBA_FIRST_DISK 0xe0
#define ATA_READ_SECTORS 0x20
#define ATA_BUSY 0x80
#define ATA_DATA_REQUEST 0x08
#define ATA_ERROR 0x21
/* The sector count is a byte, of which 0 means this. */
#define ATA_MOST_SECTORS 256

#define COM1 0x3f8
#define COM1_LINE_STATUS 0x3fd
#define LINE_STATUS_EMPTY 0x20

    .text
    .code16
    .globl start
start:
    cli
    cld
    xor %ax, %ax
    mov %ax, %ds
    /* The A20 gate, in system control port A, without a reset. */
    in $0x92, %al
    or $2, %al
    and $0xfe, %al
    out %al, $0x92
    lgdt gdt_pointer
    mov %cr0, %eax
    or $1, %al
    mov %eax, %cr0
    ljmp $CODE, $protected

    .code32
protected:
    mov $DATA, %eax
    mov %eax, %ds
    mov %eax, %es
    mov %eax, %fs
    mov %eax, %gs
    mov %eax, %ss
    mov $start, %esp
    mov $ATA_CONTROL, %edx
    mov $ATA_NO_INTERRUPTS, %al
    out %al, %dx

    mov $table, %esi
next_extent:
    lodsl
    test %eax, %eax
    jz enter
    mov %eax, %ebp          /* sectors that are left */
    lodsl
    mov %eax, %ebx          /* the next one's address on the disk */
    lodsl
    mov %eax, %edi          /* where it goes */

next_command:
    mov $ATA_MOST_SECTORS, %ecx
    cmp %ecx, %ebp
    jae 1f
    mov %ebp, %ecx
1:  sub %ecx, %ebp
    call wait_until_ready
    mov $ATA_SECTOR_COUNT, %edx
    mov %cl, %al
    out %al, %dx
    mov %ebx, %eax
    inc %edx
    out %al, %dx
    shr $8, %eax
    inc %edx
    out %al, %dx
    shr $8, %eax
    inc %edx
    out %al, %dx
    shr $8, %eax
    or $ATA_LBA_FIRST_DISK, %al
    inc %edx
    out %al, %dx
    inc %edx
    mov $ATA_READ_SECTORS, %al
    out %al, %dx
    add %ecx, %ebx

next_sector:
    call wait_until_ready
    test $ATA_ERROR, %al
    jnz fail
    test $ATA_DATA_REQUEST, %al
    jz next_sector
    push %ecx
    mov $ATA_DATA, %edx
    mov $128, %ecx
    rep insl
    pop %ecx
    loop next_sector
    test %ebp, %ebp
    jnz next_command
    jmp next_extent

/* Returns the status in al. */
wait_until_ready:
    mov $ATA_STATUS, %edx
1:  in %dx, %al
    test $ATA_BUSY, %al
    jnz 1b
    ret

enter:
    lodsl
    mov %eax, %ecx          /* boot_params */
    lodsl                   /* the entry */
    mov %ecx, %esi
    xor %ebx, %ebx
    xor %edi, %edi
    xor %ebp, %ebp
    jmp *%eax

/* Says so, and ends the emulator by a triple fault. */
fail:
    mov $message, %esi
1:  mov $COM1_LINE_STATUS, %edx
    in %dx, %al
    test $LINE_STATUS_EMPTY, %al
    jz 1b
    lodsb
    test %al, %al
    jz 2f
    mov $COM1, %edx
    out %al, %dx
    jmp 1b
2:  lidt no_interrupts
    int3

message:
    .asciz "the boot disk cannot be read\n"

    .balign 8
gdt:
    .quad 0
    .quad 0
    .quad 0x00cf9a000000ffff
    .quad 0x00cf92000000ffff
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt
no_interrupts:
    .word 0
    .long 0

/*
 * For each extent: sectors, first sector, address. Then 0, the address of boot_params, the entry. Ends before the
 * partition table, at 446, which stays empty.
 */
    .org 0x180
table:
    .org 510
    .word 0xaa55
