/*
 * Maps address space one to one with 2 MiB pages, a GiB at a time and only when it is about to be used, so
 * that a guest of many TiB starts at once and dirties few tables. Ring 3 can write the tables; an entry only
 * ever goes from not present to present, for which nothing has to be invalidated.
 */
#include "bare.h"

#define GIB_PAGES (1UL << 18)
#define TABLE_PAGES (1UL << 27) /* what one page-directory-pointer table covers: 512 GiB */
#define PRESENT 1UL
#define TABLE 0x27UL /* present, writable, user, accessed */
#define LEAF 0xe7UL  /* also dirty, 2 MiB */
/* For what is not RAM: devices, and whatever peek and poke name. */
#define SPARE_TABLES 64

/* Serves until memory_reserve has set aside the real room. */
static u64 early_tables[8][512] __attribute__((aligned(4096)));
static u64 next_table = (u64)early_tables;
static u64 last_table = (u64)(early_tables + 8);

u64 tables_needed(u64 pages_end) {
  return (pages_end + GIB_PAGES - 1) / GIB_PAGES + (pages_end + TABLE_PAGES - 1) / TABLE_PAGES + SPARE_TABLES;
}

void tables_give(u64 first_page, u64 pages) {
  next_table = first_page << PAGE_SHIFT;
  last_table = (first_page + pages) << PAGE_SHIFT;
}

/* Tables lie right behind the image, in the GiB that start.S has mapped. */
static u64 *take_table(void) {
  if (next_table == last_table) panic("out of page tables");
  u64 *table = (u64 *)next_table;
  next_table += PAGE_SIZE;
  return table;
}

static u64 *table_in(u64 entry) { return (u64 *)(entry & ~0xfffUL); }

void map(u64 start, u64 size) {
  for (u64 gib = start >> 30; gib <= (start + size - 1) >> 30; gib++) {
    u64 *root = &pml4[gib >> 9];
    if (!(*root & PRESENT)) {
      u64 *table = take_table();
      memset(table, 0, PAGE_SIZE);
      *root = (u64)table | TABLE;
    }
    u64 *entry = &table_in(*root)[gib & 511];
    if (!(*entry & PRESENT)) {
      u64 *directory = take_table();
      for (u64 i = 0; i < 512; i++) directory[i] = (gib << 30 | i << 21) + LEAF;
      *entry = (u64)directory | TABLE;
    }
  }
}
