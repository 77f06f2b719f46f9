/* How fast memory is copied, and how fast the time-stamp counter counts. */
#include "yardstick.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#define MAX_PASSES 100
#define CLOCK_NANOS 100000000

static int by_value(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

void run_copy(int count, char **words) {
  (void)count;
  size_t bytes = number(words[0]), passes = number(words[1]);
  uint64_t took[MAX_PASSES];
  if (passes > MAX_PASSES) fail("at most %d passes", MAX_PASSES);
  char *from = map_memory(bytes), *to = map_memory(bytes);
  fill_memory(from, bytes);
  fill_memory(to, bytes);
  for (size_t i = 0; i < passes; i++) {
    uint64_t started = now();
    memcpy(to, from, bytes);
    __asm__ volatile("" ::"r"(to) : "memory"); /* the copy is wanted though nobody reads it */
    took[i] = now() - started;
  }
  qsort(took, passes, sizeof *took, by_value);
  printf("copy bytes=%zu ns=%lu\n", bytes, took[passes / 2]);
}

void run_clock(int count, char **words) {
  (void)count;
  (void)words;
  uint64_t started = now(), cycles = __rdtsc(), elapsed;
  do {
    elapsed = now() - started;
  } while (elapsed < CLOCK_NANOS);
  cycles = __rdtsc() - cycles;
  printf("clock tsc_khz=%lu\n", (uint64_t)((__uint128_t)cycles * 1000000 / elapsed));
}
