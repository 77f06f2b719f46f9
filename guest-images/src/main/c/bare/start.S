/*
 * Entry, descriptor tables and exception stubs: everything that runs in ring 0.
 *
 * Some hosts interpret ring 0 and run ring 3 natively, so ring 0 is a few dozen instructions: the page
 * tables for the first GiB are assembled into the image, the interrupt descriptor table is filled
 * by ring 3, and an exception only saves the registers before it returns to ring 3, which prints them.
 *
 * PVH entry: 32-bit protected mode with flat segments, paging off, the physical address of
 * struct hvm_start_info in ebx (Xen docs/misc/pvh.pandoc).
 */

    /* Else the symbol table would name the compiler's temporary file, another one in each build. */
    .file "start.S"

#include "smp.h"

#define CODE0 0x08
#define CODE3 0x23
#define DATA3 0x1b
#define TASK 0x28
/* IOPL 3. Interrupts are off but while the processor is halted. */
#define RING3_FLAGS 0x3002
#define IO_BITMAP_BYTES 8193
#define TASK_BYTES (104 + IO_BITMAP_BYTES)

#define APIC_EOI 0xfee000b0
#define APIC_SPURIOUS 0xfee000f0
#define APIC_ENABLED_SPURIOUS_63 0x13f

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_X2APIC 0xc00
#define MSR_X2APIC_EOI 0x80b
#define MSR_X2APIC_SPURIOUS 0x80f

#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define CR4_PAE 0x20
/* PG, NE, ET, PE */
#define CR0_LONG 0x80000031

/* XEN_ELFNOTE_PHYS32_ENTRY, with the 8-byte value that 64-bit loaders read. */
    .section .note.pvh, "a", @note
    .balign 4
    .long 4
    .long 8
    .long 18
    .asciz "Xen"
    .quad pvh_entry

    .text
    .code32
    .globl pvh_entry
pvh_entry:
    lgdt gdt_pointer
    mov $task_state, %eax
    mov %ax, gdt_task + 2
    shr $16, %eax
    mov %al, gdt_task + 4
    mov %ah, gdt_task + 7
    mov $CR4_PAE, %eax
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_LME, %eax
    wrmsr
    mov $CR0_LONG, %eax
    mov %eax, %cr0
    ljmp $CODE0, $long_entry

    .code64
long_entry:
    lidt idt_pointer
    mov $TASK, %eax
    ltr %ax
    mov $ring0_stack_top, %esp
    push $DATA3
    push $ring3_stack_top
    push $RING3_FLAGS
    push $CODE3
    push $ring3_entry
    iretq

ring3_entry:
    mov $DATA3, %eax
    mov %eax, %ds
    mov %eax, %es
    cld
    mov $bss_start, %edi
    mov $bss_end, %ecx
    sub %edi, %ecx
    xor %eax, %eax
    rep stosb
    mov %ebx, %edi
    call bare_main
    ud2

/* One stub a vector, 16 bytes apart: pushes an error code where the processor does not, then the vector. */
    .balign 16
    .globl exception_stubs
exception_stubs:
    .set vector, 0
    .rept 32
    .balign 16
    .if ((1 << vector) & 0x60227d00) == 0
    push $0
    .endif
    push $vector
    jmp exception_common
    .set vector, vector + 1
    .endr

/* The layout is struct exception_frame in panic.c. */
exception_common:
    push %rax
    push %rcx
    push %rdx
    push %rbx
    push %rbp
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    push %r12
    push %r13
    push %r14
    push %r15
    mov %cr2, %rax
    push %rax
    mov %rsp, %rdi
    push $DATA3
    push $panic_stack_top
    push $RING3_FLAGS
    push $CODE3
    push $panic_exception
    iretq

/*
 * General protection. A hlt in ring 3 is a wish to halt until an interrupt comes; not a software interrupt,
 * for which some hosts have none. The interrupt cannot come between sti and hlt: sti takes effect after
 * the instruction that follows it.
 */
    .globl protection_stub
protection_stub:
    push %rax
    cmpw $CODE3, 24(%rsp)
    jne 1f
    mov 16(%rsp), %rax
    cmpb $0xf4, (%rax)
    jne 1f
    incq 16(%rsp)
    sti
    hlt
    cli
    pop %rax
    add $8, %rsp
    iretq
1:  pop %rax
    jmp exception_stubs + 16 * 13

/* The local APIC's timer: tells the APIC that it was seen. idle.c has mapped the register. */
    .globl timer_stub
timer_stub:
    push %rax
    mov $APIC_EOI, %eax
    movl $0, (%rax)
    pop %rax
    iretq

    .globl spurious_stub
spurious_stub:
    iretq

/*
 * Another processor, started by smp.c with its code at the start of a page below 1 MiB. It stays in ring 0,
 * halted, and counts the interrupts by which it is woken in the first word of its block, to which rbx points.
 */
    .code16
    .globl trampoline
trampoline:
    cli
    mov %cs, %ax
    mov %ax, %ds
    lgdtl trampoline_gdt - trampoline
    mov $CR4_PAE, %eax
    mov %eax, %cr4
    mov $pml4, %eax
    mov %eax, %cr3
    mov $MSR_EFER, %ecx
    rdmsr
    or $EFER_LME, %eax
    wrmsr
    mov $CR0_LONG, %eax
    mov %eax, %cr0
    ljmpl $CODE0, $ap_entry
trampoline_gdt:
    .word gdt_end - gdt - 1
    .long gdt
    .globl trampoline_end
trampoline_end:

    .code64
ap_entry:
    lidt idt_pointer
    mov $1, %eax
    lock xadd %eax, ap_started
    cmp $AP_MAX, %eax
    jae 2f
    shl $AP_BLOCK_SHIFT, %eax
    mov $ap_blocks, %ebx
    add %eax, %ebx
    mov %ebx, %esp
    add $AP_BLOCK_SIZE, %esp
    movq $0, (%rbx)
    cmpl $0, ap_x2apic
    jne 3f
    mov $APIC_SPURIOUS, %eax
    movl $APIC_ENABLED_SPURIOUS_63, (%rax)
1:  lock incl ap_online
2:  sti
    hlt
    jmp 2b
3:  mov $MSR_APIC_BASE, %ecx
    rdmsr
    or $APIC_BASE_X2APIC, %eax
    wrmsr
    mov $MSR_X2APIC_SPURIOUS, %ecx
    mov $APIC_ENABLED_SPURIOUS_63, %eax
    xor %edx, %edx
    wrmsr
    jmp 1b

    .globl wake_stub
wake_stub:
    push %rax
    push %rcx
    push %rdx
    incq (%rbx)
    cmpl $0, ap_x2apic
    jne 1f
    mov $APIC_EOI, %eax
    movl $0, (%rax)
    jmp 2f
1:  mov $MSR_X2APIC_EOI, %ecx
    xor %eax, %eax
    xor %edx, %edx
    wrmsr
2:  pop %rdx
    pop %rcx
    pop %rax
    iretq

/*
 * Page tables: present, writable, user, accessed (0x27), the leaves also dirty and 2 MiB (0xe7).
 * Setting accessed and dirty here keeps the processor from writing them.
 */
    .data
    .balign 4096
    .globl pml4
pml4:
    .quad pdpt + 0x27
    .fill 511, 8, 0
pdpt:
    .quad pd + 0x27
    .fill 511, 8, 0
pd:
    .set index, 0
    .rept 512
    .quad (index << 21) + 0xe7
    .set index, index + 1
    .endr

    .balign 16
gdt:
    .quad 0
    .quad 0x00af9b000000ffff /* CODE0: 64-bit, ring 0 */
    .quad 0x00cf93000000ffff /* data, ring 0 */
    .quad 0x00cff3000000ffff /* DATA3 */
    .quad 0x00affb000000ffff /* CODE3: 64-bit */
gdt_task:
    .quad 0x0000890000000000 + TASK_BYTES - 1
    .quad 0
gdt_end:

gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
    .balign 8
idt_pointer:
    .word 64 * 16 - 1
    .quad idt

/*
 * Task state: the stack for exceptions, and an I/O permission bitmap that allows every port. IOPL 3 says
 * the same, but a KVM that runs ring 3 without hardware support may not honour IOPL.
 */
    .balign 16
task_state:
    .long 0
    .quad ring0_stack_top
    .fill 90, 1, 0
    .word 104
    .fill IO_BITMAP_BYTES - 1, 1, 0
    .byte 0xff

    .globl ap_started, ap_online, ap_x2apic
    .balign 4
ap_started:
    .long 0
ap_online:
    .long 0
ap_x2apic:
    .long 0

    .section .bss.noinit, "aw", @nobits
    .balign 16
    .globl ap_blocks
ap_blocks:
    .skip AP_MAX * AP_BLOCK_SIZE
    .skip 4096
ring0_stack_top:
    .skip 4096
panic_stack_top:
    .skip 16384
ring3_stack_top:

    .section .note.GNU-stack, "", @progbits
