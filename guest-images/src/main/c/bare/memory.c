/*
 * Which page is what: a sorted table of runs that covers RAM and nothing else. Its size depends on how
 * scattered the states are, not on the size of the guest.
 */
#include "bare.h"

#define MAX_RUNS 8192

static struct run runs[MAX_RUNS] NOINIT;
static u32 run_count;

static void insert(u32 at, struct run run) {
  memmove(&runs[at + 1], &runs[at], (run_count - at) * sizeof *runs);
  runs[at] = run;
  run_count++;
}

/* The first run that ends after page; run_count when there is none. */
static u32 find(u64 page) {
  u32 low = 0, high = run_count;
  while (low < high) {
    u32 middle = (low + high) / 2;
    if (runs[middle].end > page) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

void memory_add(u64 start, u64 size) {
  u64 first = (start + PAGE_SIZE - 1) >> PAGE_SHIFT;
  u64 end = (start + size) >> PAGE_SHIFT;
  if (first >= end || run_count == MAX_RUNS) return;
  insert(find(first), (struct run){first, end, PAGE_FREE});
}

void memory_reserve(void) {
  u64 image_first = (u64)image_start >> PAGE_SHIFT;
  u64 image_last = (u64)image_end >> PAGE_SHIFT;
  u64 tables = tables_needed(run_count ? runs[run_count - 1].end : 0);
  const struct run *home = memory_next(image_first);
  if (!home || home->first > image_first || home->end < image_last + tables) panic("too little memory at 1 MiB");
  memory_set(0, 0x100, PAGE_RESERVED);
  memory_set(image_first, image_last + tables, PAGE_RESERVED);
  tables_give(image_last, tables);
}

/* Joins run `at` with the one before it when nothing tells them apart. */
static void join(u32 at) {
  if (at == 0 || at >= run_count) return;
  if (runs[at - 1].end != runs[at].first || runs[at - 1].state != runs[at].state) return;
  runs[at - 1].end = runs[at].end;
  run_count--;
  memmove(&runs[at], &runs[at + 1], (run_count - at) * sizeof *runs);
}

static bool change(u64 first, u64 end, u32 from_states, enum page_state to) {
  while (first < end) {
    u32 at = find(first);
    if (at == run_count || runs[at].first >= end) return true;
    if (runs[at].first > first) first = runs[at].first;
    u64 stop = runs[at].end < end ? runs[at].end : end;
    if (runs[at].state != to && (from_states & 1u << runs[at].state)) {
      if (run_count + 2 > MAX_RUNS) return false;
      if (runs[at].first < first) {
        insert(at, (struct run){runs[at].first, first, runs[at].state});
        runs[++at].first = first;
      }
      if (runs[at].end > stop) {
        insert(at + 1, (struct run){stop, runs[at].end, runs[at].state});
        runs[at].end = stop;
      }
      runs[at].state = to;
      join(at + 1);
      join(at);
    }
    first = stop;
  }
  return true;
}

bool memory_set(u64 first, u64 end, enum page_state state) { return change(first, end, ~0u, state); }

bool memory_move(u64 first, u64 end, enum page_state from, enum page_state to) {
  return change(first, end, 1u << from, to);
}

const struct run *memory_next(u64 page) {
  u32 at = find(page);
  return at < run_count ? &runs[at] : NULL;
}

u64 memory_count(enum page_state state) {
  u64 pages = 0;
  for (u32 i = 0; i < run_count; i++) {
    if (runs[i].state == state) pages += runs[i].end - runs[i].first;
  }
  return pages;
}

bool memory_highest(enum page_state state, u64 max, struct run *found) {
  for (u32 i = run_count; i-- > 0;) {
    if (runs[i].state != state) continue;
    *found = runs[i];
    if (found->end - found->first > max) found->first = found->end - max;
    return true;
  }
  return false;
}

bool memory_lowest(enum page_state state, u64 max, struct run *found) {
  for (u32 i = 0; i < run_count; i++) {
    if (runs[i].state != state) continue;
    *found = runs[i];
    if (found->end - found->first > max) found->end = found->first + max;
    return true;
  }
  return false;
}
