/*
 * The bare guest: a freestanding x86-64 program that a VMM boots by PVH and drives over a serial line.
 *
 * It runs in ring 3 and keeps all of its state in memory and registers, so it goes on where it was after a live
 * migration. It maps all memory one to one. Devices are polled; when nothing is to be done, the processor is
 * halted, and the timer of its local APIC, the only interrupt there is, wakes it.
 *
 * Serial line: 16550 at port 0x3f8, 115200 8N1, polled. Every line it writes begins with "BARE ":
 *
 *   BARE 1 ready memory=BYTES cpus=1     once, first
 *   BARE ok COMMAND KEY=VALUE...         a command was carried out
 *   BARE err COMMAND REASON...           a command failed
 *   BARE beat count=N tsc=N              heartbeat, when asked for
 *   BARE panic REASON...                 an exception; the processor is halted after it
 *
 * Commands, one a line (LF or CR), or separated by ';' in run="..." on the command line. Numbers are decimal
 * or 0x hexadecimal, sizes may end in K, M, G or T (powers of 1024); addresses are guest-physical. When the last
 * word of a command begins with '@', its reply ends with that word. There is one reply to each command.
 *
 *   fill START SIZE SEED [WORDS] writes the pattern of SEED (pattern.c), generation 0, to the RAM in the range;
 *                                with WORDS, a power of 2, only so many words of a page are not repeated
 *   check START SIZE SEED [WORDS] compares every used page in the range with what fill wrote
 *   free START SIZE              makes used pages free for the balloon again
 *   dirty START SIZE RATE [SEED] rewrites the range over and over in the background, each pass with the next
 *                                generation, RATE bytes a second (0: as fast as it goes)
 *   stop                         ends dirty
 *   check-dirty                  checks that each page of the dirty range holds its last written generation
 *   balloon                      num_pages, actual, whether must_tell_host was negotiated
 *   auto on|off                  whether the guest follows num_pages as Linux does; on at start
 *   inflate N | deflate N        N pages now; turns auto off
 *   inflate-pfn FIRST COUNT [STRIDE]
 *   deflate-pfn FIRST COUNT [STRIDE]   exactly these PFNs, valid or not (STRIDE 0 repeats FIRST); turns auto off
 *   post-inflate FIRST COUNT | post-deflate FIRST COUNT   the same for one batch, without waiting for the device
 *   reap                         waits for what was posted
 *   reset-balloon                resets the device and initialises it again; what it held is free again
 *   hostile KIND [N]             breaks a rule of virtio on purpose (hostile.c); turns auto off. What it does
 *                                to the rings is mended by reset-balloon
 *   count                        iterations of the main loop so far
 *   beat MS                      heartbeat every MS milliseconds, 0 for none
 *   mem                          pages by state
 *   ram                          RAM ranges as START-END
 *   devices                      virtio-mmio devices as ADDRESS:DEVICE_ID
 *   peek ADDRESS                 reads 8 bytes of RAM, or 4 where it is not 8-aligned or a device's
 *   poke ADDRESS VALUE           writes as many
 *   out PORT VALUE               writes a byte to a port
 *   start-cpus N                 starts the other processors, until N run, this one counted
 *   wake-cpus                    interrupts the others, and waits until each has counted that
 *   tsc                          frequency of the time-stamp counter and where it is known from
 *   bench pio|mmio N             N reads of a serial or a virtio-mmio register
 *   crash                        an undefined instruction, to show the register dump
 *   triple-fault                 an undefined instruction without an IDT, after the answer
 *   reboot | poweroff | exit CODE   i8042 reset; ACPI S5 through poweroff_port; CODE to exit_port
 *
 * Kernel command line; what it does not know it ignores:
 *
 *   virtio_mmio.device=SIZE@ADDRESS:IRQ[:ID]   as in Linux, repeatable; the first balloon is driven
 *   must_tell_host=off    do not accept VIRTIO_BALLOON_F_MUST_TELL_HOST
 *   deflate_on_oom=on     accept VIRTIO_BALLOON_F_DEFLATE_ON_OOM
 *   stats=on              accept VIRTIO_BALLOON_F_STATS_VQ: tell free and total memory when asked
 *   indirect_desc=on      accept VIRTIO_F_INDIRECT_DESC, for hostile
 *   auto=off              as the command
 *   batch=N depth=N       PFNs a descriptor (256, at most 1024) and descriptors in flight (32, at most 64)
 *   beat=MS               as the command
 *   tsc_khz=N             instead of measuring
 *   exit_port=PORT        0xf4
 *   poweroff_port=PORT    ACPI PM1a_CNT, no default
 *   poweroff_value=N      what to write there, instead of SLP_EN with SLP_TYP 0 (QEMU) and then 5 (Ballast)
 *   run="COMMAND;..."     commands carried out after the first line
 */
#ifndef BARE_H
#define BARE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
/* A large array that is written before it is read: start-up does not clear it. */
#define NOINIT __attribute__((section(".bss.noinit")))

/* start.S, bare.ld */
extern u64 pml4[512];
extern u8 exception_stubs[], protection_stub[], timer_stub[], wake_stub[], spurious_stub[];
extern u8 image_start[], image_end[];

/* Primitives: every register access is one plain mov, in or out. */
static inline void out8(u16 port, u8 value) { asm volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory"); }
static inline void out16(u16 port, u16 value) { asm volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory"); }
static inline u8 in8(u16 port) {
  u8 value;
  asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}
static inline u32 read32(u64 address) {
  u32 value;
  asm volatile("movl (%1), %0" : "=a"(value) : "r"(address) : "memory");
  return value;
}
static inline void write32(u64 address, u32 value) { asm volatile("movl %0, (%1)" ::"a"(value), "r"(address) : "memory"); }
static inline u64 rdtsc(void) {
  u32 low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
  return (u64)high << 32 | low;
}
static inline void pause(void) { asm volatile("pause" ::: "memory"); }
/* Halts until an interrupt comes, with the help of protection_stub. */
static inline void hlt(void) { asm volatile("hlt" ::: "memory"); }
static inline void fence(void) { asm volatile("lock; orl $0, (%%rsp)" ::: "memory", "cc"); }
/* a * b / c with a 128-bit product; the quotient must fit in 64 bits. */
static inline u64 mul_div(u64 a, u64 b, u64 c) {
  u64 low, high;
  asm("mulq %3" : "=a"(low), "=d"(high) : "a"(a), "r"(b) : "cc");
  asm("divq %2" : "+a"(low), "+d"(high) : "r"(c) : "cc");
  return low;
}

/* text.c; the first three are also called by the compiler's own code. */
void *memset(void *target, int value, size_t size);
void *memcpy(void *restrict target, const void *restrict source, size_t size);
void *memmove(void *target, const void *source, size_t size);
bool text_equal(const char *a, const char *b);
bool text_starts(const char *text, const char *prefix);
/* Parses a number with an optional K, M, G or T; returns what follows it, or NULL when there is none or it overflows. */
const char *text_number(const char *text, u64 *value);
/* printf with %s, %lu and %lx only; cuts at size - 1 and returns the length. */
size_t text_format(char *buffer, size_t size, const char *format, va_list arguments);

/* serial.c */
void serial_init(void);
/* Writes "BARE ", the formatted text and a newline. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A received byte, or -1. */
int serial_read(void);

/* panic.c */
/* The table of vectors ends with the last of these. */
#define TIMER_INTERRUPT 32
#define WAKE_INTERRUPT 33
#define SPURIOUS_INTERRUPT 63
void exceptions_init(void);
_Noreturn void halt(void);
_Noreturn void panic(const char *reason);
_Noreturn void triple_fault(void);

/* memory.c: which page is what; pages are named by number, ranges end before `end`. */
enum page_state { PAGE_FREE, PAGE_USED, PAGE_BALLOONED, PAGE_RESERVED, PAGE_STATES };
struct run {
  u64 first, end;
  enum page_state state;
};
void memory_add(u64 start, u64 size);
/* Sets aside the image and everything below 1 MiB, and room for the page tables. */
void memory_reserve(void);
/* Changes the state of the pages in the range that are RAM; false when the table of runs is full. */
bool memory_set(u64 first, u64 end, enum page_state state);
/* Changes those in state `from` only. */
bool memory_move(u64 first, u64 end, enum page_state from, enum page_state to);
/* The run that holds page or the first one after it, NULL when there is none. */
const struct run *memory_next(u64 page);
u64 memory_count(enum page_state state);
/* The last pages of the highest run in that state, at most max; false when there is none. */
bool memory_highest(enum page_state state, u64 max, struct run *found);
/* The first pages of the lowest run in that state, at most max. */
bool memory_lowest(enum page_state state, u64 max, struct run *found);

/* paging.c */
/* Makes the bytes from start on accessible; must precede their first use. */
void map(u64 start, u64 size);
/* Page-table pages that pages_end pages of address space need at most. */
u64 tables_needed(u64 pages_end);
void tables_give(u64 first_page, u64 pages);

/* clock.c */
u64 tsc_hz(void);
const char *tsc_source(void);

/* options.c */
struct options {
  u64 devices[64];
  u32 device_count;
  bool must_tell_host, deflate_on_oom, stats, indirect_desc, automatic;
  u64 batch, depth, beat_ms, tsc_khz, exit_port, poweroff_port, poweroff_value;
  char *run;
};
extern struct options options;
void options_parse(char *command_line);

/* virtq.c */
#define VIRTQ_MAX_SIZE 256
struct virtq_desc {
  u64 address;
  u32 length;
  u16 flags, next;
};
struct virtq_avail {
  u16 flags, index, ring[VIRTQ_MAX_SIZE];
};
struct virtq_used {
  u16 flags, index;
  struct {
    u32 id, length;
  } ring[VIRTQ_MAX_SIZE];
};
struct virtq {
  u32 size;
  u16 next;
  struct virtq_desc *desc;
  struct virtq_avail *avail;
  struct virtq_used *used;
};
/* Points queue `index` of the device at fresh rings of at most 256 entries; false when it has none. */
bool virtq_init(struct virtq *queue, u64 device, u32 index);
/* Puts buffer into descriptor `slot`, device-readable; it is seen after virtq_publish. */
void virtq_put(struct virtq *queue, u32 slot, const void *buffer, u32 length);
/* Makes the chain that starts at descriptor `head` available, without a notification. */
void virtq_offer(struct virtq *queue, u16 head);
/* Waits until all is used; false when the device needs a reset. */
bool virtq_await(const struct virtq *queue, u64 device);
/* Publishes the first n slots, notifies and waits until all are used; false when the device needs a reset. */
bool virtq_publish(struct virtq *queue, u64 device, u32 index, u32 n);

/* balloon.c */
extern u64 balloon_device;
extern u64 balloon_features;
/* NULL, or why there is no working balloon. */
const char *balloon_init(void);
u32 balloon_target(void);
u32 balloon_actual(void);
/* One batch towards num_pages; true when there was something to do. */
bool balloon_follow(void);
/* Makes the next report of memory when the device has asked for it. */
void balloon_report(void);
/* Inflates or deflates up to `pages`; *done says how many it were. NULL, or why it stopped early. */
const char *balloon_change(bool inflate, u64 pages, u64 *done);
const char *balloon_pfns(bool inflate, u64 first, u64 count, u64 stride);
/* Notifies the device of at most one batch of pages, and does not wait; balloon_reap does. */
const char *balloon_post(bool inflate, u64 first, u64 count);
const char *balloon_reap(void);
/* The inflate (0) or the deflate (1) queue; NULL when there is no working balloon. */
struct virtq *balloon_queue(u32 index);
/* Uses the device no more until balloon_init: its rings are not what they were. */
void balloon_abandon(void);

/* hostile.c */
/* Breaks a rule of virtio on purpose; `text` gets what came of it. NULL, or why it could not be done. */
const char *hostile_act(const char *kind, u64 argument, char *text, size_t size);

/* pattern.c */
#define PATTERN_WORDS 512
struct pattern {
  u64 seed, generation;
  u64 period; /* words after which a page repeats itself, a divisor of PATTERN_WORDS; that: it does not */
};
struct tally {
  u64 pages, skipped, bad, first_bad;
};
bool pattern_fill(u64 first, u64 end, struct pattern pattern, struct tally *tally);
void pattern_check(u64 first, u64 end, struct pattern pattern, struct tally *tally);
bool dirty_start(u64 first, u64 end, u64 rate, u64 seed);
void dirty_stop(void);
bool dirty_runs(void);
/* Writes what is due; true when more is due at once. */
bool dirty_step(void);
bool dirty_check(struct tally *tally);
u64 dirty_pages(void);
u64 dirty_generation(void);

/* command.c */
/* Carries out one command line, which it cuts into words, and says the result. */
void command_run(char *line);

/* idle.c */
/* Lets the processor rest for about 10 ms; false when it cannot. */
bool idle(void);

/* smp.c */
/* Starts the other processors; how many run then, this one counted, or 0 when there cannot be so many. */
u64 smp_start(u64 processors);
/* Interrupts the others; false when one does not notice, or is not what it was. *processors: how many there are. */
bool smp_wake(u64 *processors);

/* main.c */
extern u64 loop_count;
extern u64 beat_cycles;
/* Counts, and says the heartbeat when it is due; long loops call it now and then. */
void tick(void);

#endif
