/*
 * What a host can do, measured by a program with nothing between it and the kernel: the figures that the
 * bench holds Ballast's against. Every command prints one line of KEY=VALUE words a result; what goes
 * wrong is one line on standard error, and exit code 1.
 *
 *   yardstick exits KERNEL COMMAND...     boots the bare guest in the smallest VMM there is, has it carry out
 *                                         the commands, and prints its serial line
 *   yardstick clock                       tsc_khz: how fast the time-stamp counter counts
 *   yardstick receive PREFIX BYTES STREAMS plain|populate
 *                                         waits on the unix sockets PREFIX.0..., says "listening", reads BYTES
 *                                         over all of them into memory that was never touched, a thread each
 *   yardstick send PREFIX BYTES STREAMS   fills BYTES of memory, says "filled", waits for the end of its input,
 *                                         and writes that memory to them; bytes, ns
 *   yardstick copy BYTES PASSES           memcpy from one buffer to another; bytes, ns of the median pass
 *   yardstick warm BYTES                  holds free memory, at most BYTES, but for a little, and lets go as others
 *                                         take memory, until its input ends; for each byte of that, exchanges what
 *                                         is free by what it held. Says so at the start and after each: bytes
 */
#ifndef YARDSTICK_H
#define YARDSTICK_H

#include <stddef.h>
#include <stdint.h>

#define MIB (1UL << 20)

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A number of command-line word `text`, from 1 on. */
uint64_t number(const char *text);
/* The monotonic clock in nanoseconds. */
uint64_t now(void);
/* Private memory that is not populated. */
void *map_memory(size_t size);
/* Puts host pages behind memory, and content that no two pages share into them. */
void fill_memory(void *memory, size_t size);

/* Prints a line, and waits for the end of standard input. */
void say_and_wait(const char *word);

void run_exits(int count, char **words);
void run_clock(int count, char **words);
void run_receive(int count, char **words);
void run_send(int count, char **words);
void run_copy(int count, char **words);
void run_warm(int count, char **words);

#endif
