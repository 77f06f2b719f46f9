/*
 * Memory contents that can be checked. A page is 512 little-endian words; word i is base + i * STEP, where base mixes
 * the seed, the page number and a generation, so a page that is lost, swapped or stale shows. Where a compression
 * is to find something, the first words of a page are repeated to its end.
 */
#include "bare.h"

#define STEP 0x9e3779b97f4a7c15UL
#define TICK_PAGES 256
/* At most so much is written before the serial line and the balloon get a turn. */
#define STEP_PAGES 1024

static u64 mix(u64 x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9UL;
  x = (x ^ x >> 27) * 0x94d049bb133111ebUL;
  return x ^ x >> 31;
}

static u64 base(u64 page, u64 seed, u64 generation) { return mix(page ^ mix(seed ^ mix(generation + STEP))); }

static void write_page(u64 page, struct pattern pattern) {
  u64 *words = (u64 *)(page << PAGE_SHIFT), first = base(page, pattern.seed, pattern.generation);
  for (u64 *end = words + PATTERN_WORDS; words < end; words += pattern.period) {
    u64 word = first;
    for (u64 i = 0; i < pattern.period; i++, word += STEP) words[i] = word;
  }
}

static bool page_holds(u64 page, struct pattern pattern) {
  const u64 *words = (const u64 *)(page << PAGE_SHIFT), *end = words + PATTERN_WORDS;
  u64 first = base(page, pattern.seed, pattern.generation), differences = 0;
  for (; words < end; words += pattern.period) {
    u64 word = first;
    for (u64 i = 0; i < pattern.period; i++, word += STEP) differences |= words[i] ^ word;
  }
  return differences == 0;
}

/* Finds the next used pages in [*first, end), at most max of them, and maps them; adds the other RAM pages before them to *skipped. */
static bool next_used(u64 *first, u64 end, u64 max, struct run *found, u64 *skipped) {
  while (*first < end) {
    const struct run *run = memory_next(*first);
    if (!run || run->first >= end) return false;
    if (run->first > *first) *first = run->first;
    u64 stop = run->end < end ? run->end : end;
    if (run->state == PAGE_USED) {
      if (stop - *first > max) stop = *first + max;
      *found = (struct run){*first, stop, PAGE_USED};
      map(*first << PAGE_SHIFT, (stop - *first) << PAGE_SHIFT);
      *first = stop;
      return true;
    }
    *skipped += stop - *first;
    *first = stop;
  }
  return false;
}

bool pattern_fill(u64 first, u64 end, struct pattern pattern, struct tally *tally) {
  *tally = (struct tally){0};
  if (!memory_move(first, end, PAGE_FREE, PAGE_USED)) return false;
  for (struct run run; next_used(&first, end, ~0UL, &run, &tally->skipped);) {
    for (u64 page = run.first; page < run.end; page++) {
      write_page(page, pattern);
      if (++tally->pages % TICK_PAGES == 0) tick();
    }
  }
  return true;
}

void pattern_check(u64 first, u64 end, struct pattern pattern, struct tally *tally) {
  for (struct run run; next_used(&first, end, ~0UL, &run, &tally->skipped);) {
    for (u64 page = run.first; page < run.end; page++) {
      if (!page_holds(page, pattern) && tally->bad++ == 0) tally->first_bad = page;
      if (++tally->pages % TICK_PAGES == 0) tick();
    }
  }
}

static struct {
  u64 first, end, seed, rate;
  u64 cursor, generation; /* pages before cursor hold generation, the others the one before */
  u64 written;            /* pages */
  u64 last, credit;       /* time stamp of the last step, bytes that may be written */
  bool running;
} dirty;

static struct pattern dirty_pattern(u64 generation) {
  return (struct pattern){.seed = dirty.seed, .generation = generation, .period = PATTERN_WORDS};
}

bool dirty_start(u64 first, u64 end, u64 rate, u64 seed) {
  if (!memory_move(first, end, PAGE_FREE, PAGE_USED)) return false;
  struct run run;
  u64 from = first, skipped = 0;
  if (!next_used(&from, end, 1, &run, &skipped)) return false;
  dirty.first = dirty.cursor = first;
  dirty.end = end;
  dirty.seed = seed;
  dirty.rate = rate;
  dirty.generation = 1;
  dirty.written = dirty.credit = 0;
  dirty.last = rdtsc();
  dirty.running = true;
  return true;
}

void dirty_stop(void) { dirty.running = false; }

bool dirty_runs(void) { return dirty.running; }

u64 dirty_pages(void) { return dirty.written; }

u64 dirty_generation(void) { return dirty.generation; }

/* How many pages may be written now. Time that went by unseen (a paused guest) is not made up for. */
static u64 allowance(void) {
  if (dirty.rate == 0) return STEP_PAGES;
  u64 now = rdtsc(), elapsed = now - dirty.last, most = tsc_hz() / 10;
  dirty.last = now;
  if (elapsed > most) elapsed = most; /* also when the counter went backwards */
  dirty.credit += mul_div(elapsed, dirty.rate, tsc_hz());
  if (dirty.credit > dirty.rate / 10 + PAGE_SIZE) dirty.credit = dirty.rate / 10 + PAGE_SIZE;
  u64 pages = dirty.credit >> PAGE_SHIFT;
  if (pages > STEP_PAGES) pages = STEP_PAGES;
  dirty.credit -= pages << PAGE_SHIFT;
  return pages;
}

bool dirty_step(void) {
  if (!dirty.running) return false;
  u64 left = allowance(), skipped = 0;
  while (left > 0) {
    struct run run;
    if (next_used(&dirty.cursor, dirty.end, left, &run, &skipped)) {
      for (u64 page = run.first; page < run.end; page++) write_page(page, dirty_pattern(dirty.generation));
      dirty.written += run.end - run.first;
      left -= run.end - run.first;
    } else {
      dirty.cursor = dirty.first;
      dirty.generation++;
      left--; /* so that a step ends even when nothing of the range is used any more */
    }
  }
  return dirty.rate == 0 || dirty.credit >= PAGE_SIZE;
}

bool dirty_check(struct tally *tally) {
  *tally = (struct tally){0};
  if (dirty.generation == 0) return false;
  pattern_check(dirty.first, dirty.cursor, dirty_pattern(dirty.generation), tally);
  if (dirty.generation > 1) pattern_check(dirty.cursor, dirty.end, dirty_pattern(dirty.generation - 1), tally);
  return true;
}
