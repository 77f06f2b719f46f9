/*
 * Keeps free memory warm: holds all of it but a little, and lets go as others take memory, so that they find what was
 * in use a moment ago. What nobody uses for some seconds, a virtual machine may give back to its hypervisor, and to
 * get it anew costs far more than anything that is measured here.
 */
#define _GNU_SOURCE
#include "yardstick.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Left free: more than the kernel's watermarks, less than takes long to get anew. */
#define LEAST (256 * MIB)
#define MOST (384 * MIB)
/* Left free for a moment when what is free is exchanged. */
#define FLOOR (192 * MIB)
/* Taken between two looks at what is free: a millisecond or two when it is warm. */
#define STEP (8 * MIB)
#define MOMENT_MILLIS 1

static char *memory;
static size_t held, limit;

static size_t free_memory(void) {
  struct sysinfo info;
  if (sysinfo(&info)) fail("sysinfo: %s", strerror(errno));
  return info.freeram * info.mem_unit;
}

/* When memory gets short all the same, this process is the one to go. */
static void volunteer(void) {
  int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, "1000", 4) != 4) fail("oom_score_adj: %s", strerror(errno));
  close(file);
}

/* Takes up to `bytes`, as long as more than `most` is free then. */
static void take(size_t bytes, size_t most) {
  for (size_t taken = 0; taken < bytes && held < limit && free_memory() >= most + STEP; taken += STEP) {
    memset(memory + held, 1, STEP);
    held += STEP;
  }
}

/* Lets go until `most` is free. */
static void release(size_t most) {
  size_t unused = free_memory();
  if (unused >= most) return;
  size_t less = most - unused;
  less += -less % STEP;
  if (less > held) less = held;
  held -= less;
  madvise(memory + held, less, MADV_DONTNEED);
}

static void say_held(void) {
  printf("warm bytes=%zu\n", held);
  fflush(stdout);
}

void run_warm(int count, char **words) {
  (void)count;
  limit = number(words[0]);
  /* No more than is free at the start: the kernel would give up what it has of files instead. */
  if (limit > free_memory()) limit = free_memory();
  limit -= limit % STEP;
  memory = map_memory(limit);
#ifdef MADV_HUGEPAGE
  madvise(memory, limit, MADV_HUGEPAGE); /* only to be quick: a kernel without huge pages has small ones */
#endif
  volunteer();
  take(limit, MOST);
  say_held();
  for (;;) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (poll(&input, 1, MOMENT_MILLIS) > 0) {
      char wish;
      if (read(STDIN_FILENO, &wish, 1) != 1) return;
      /* What has been free for long is not what is free next. */
      take(limit, FLOOR);
      release(MOST);
      say_held();
    } else if (free_memory() < LEAST) {
      release(MOST);
    } else {
      take(STEP, MOST);
    }
  }
}
