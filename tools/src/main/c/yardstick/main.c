/* Which command is wanted, and what all of them use. */
#include "yardstick.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PAGE_SIZE 4096

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("yardstick: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

uint64_t number(const char *text) {
  char *rest;
  errno = 0;
  unsigned long long value = strtoull(text, &rest, 10);
  if (errno || *rest || rest == text || value == 0) fail("not a number from 1 on: %s", text);
  return value;
}

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void *map_memory(size_t size) {
  void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) fail("mmap of %zu bytes: %s", size, strerror(errno));
  return memory;
}

void fill_memory(void *memory, size_t size) {
#ifdef MADV_POPULATE_WRITE
  madvise(memory, size, MADV_POPULATE_WRITE); /* only to be quick: a kernel without it takes faults below */
#endif
  uint64_t *words = memory;
  for (size_t i = 0; i < size / sizeof *words; i++) words[i] = i * 0x9e3779b97f4a7c15UL + 1;
}

void say_and_wait(const char *word) {
  puts(word);
  fflush(stdout);
  while (getchar() != EOF) {
  }
}

static const struct {
  const char *name;
  void (*run)(int count, char **words);
  int min, max;
} commands[] = {
    {"exits", run_exits, 2, 16},
    {"clock", run_clock, 0, 0},
    {"receive", run_receive, 4, 4},
    {"send", run_send, 3, 3},
    {"copy", run_copy, 2, 2},
    {"warm", run_warm, 1, 1},
};

int main(int count, char **words) {
  for (size_t i = 0; count > 1 && i < sizeof commands / sizeof *commands; i++) {
    if (strcmp(words[1], commands[i].name)) continue;
    if (count - 2 < commands[i].min || count - 2 > commands[i].max) fail("wrong number of words after %s", words[1]);
    commands[i].run(count - 2, words + 2);
    return 0;
  }
  fail("exits, clock, receive, send, copy or warm, as yardstick.h says");
}
