/* Start-up in ring 3 and the main loop. */
#include "bare.h"

#define START_INFO_MAGIC 0x336ec578
#define MEMMAP_RAM 1
#define COMMAND_LINE_SIZE 4096
#define LINE_SIZE 1024
/* Each look at the serial line and at num_pages is an exit to the VMM: about a millisecond lies between two. */
#define POLL_CYCLES 2000000

struct start_info {
  u32 magic, version, flags, module_count;
  u64 modules, command_line, rsdp, memmap;
  u32 memmap_entries, reserved;
};
struct memmap_entry {
  u64 address, size;
  u32 type, reserved;
};

u64 loop_count;
u64 beat_cycles;
static u64 last_beat;

void tick(void) {
  loop_count++;
  if (beat_cycles == 0) return;
  u64 now = rdtsc();
  if (now - last_beat < beat_cycles) return;
  last_beat = now;
  say("beat count=%lu tsc=%lu", loop_count, now);
}

/* Copies the command line before anything is written that could lie over it. */
static void read_command_line(const struct start_info *info) {
  static char line[COMMAND_LINE_SIZE];
  if (!info->command_line) return;
  map(info->command_line, COMMAND_LINE_SIZE);
  const char *source = (const char *)info->command_line;
  for (u32 i = 0; i < COMMAND_LINE_SIZE - 1 && source[i]; i++) line[i] = source[i];
  options_parse(line);
}

static u64 read_memory_map(const struct start_info *info) {
  const struct memmap_entry *entries = (const struct memmap_entry *)info->memmap;
  if (info->version < 1 || info->memmap_entries == 0) panic("no memory map");
  map(info->memmap, info->memmap_entries * sizeof *entries);
  u64 bytes = 0;
  for (u32 i = 0; i < info->memmap_entries; i++) {
    if (entries[i].type != MEMMAP_RAM) continue;
    memory_add(entries[i].address, entries[i].size);
    bytes += entries[i].size;
  }
  return bytes;
}

/* Carries out what came in on the serial line; true when something did. */
static bool serve_serial(void) {
  static char line[LINE_SIZE];
  static u32 length;
  int c;
  bool any = false;
  while ((c = serial_read()) >= 0) {
    any = true;
    if (c != '\n' && c != '\r') {
      if (length < LINE_SIZE) line[length++] = (char)c;
      continue;
    }
    if (length == LINE_SIZE) {
      say("err line too long");
    } else {
      line[length] = 0;
      command_run(line);
    }
    length = 0;
  }
  return any;
}

static void run_commands(char *commands) {
  while (commands && *commands) {
    char *next = commands;
    while (*next && *next != ';') next++;
    if (*next) *next++ = 0;
    command_run(commands);
    commands = next;
  }
}

_Noreturn void bare_main(const struct start_info *info) {
  exceptions_init();
  serial_init();
  map((u64)info, sizeof *info);
  if (info->magic != START_INFO_MAGIC) panic("no start info");
  read_command_line(info);
  u64 memory = read_memory_map(info);
  memory_reserve();
  const char *trouble = balloon_init();
  say("1 ready memory=%lu cpus=1", memory);
  if (trouble && options.device_count) say("err balloon %s", trouble);
  if (options.beat_ms) beat_cycles = mul_div(options.beat_ms, tsc_hz(), 1000);
  run_commands(options.run);
  for (;;) {
    u64 polled = rdtsc();
    tick();
    bool busy = serve_serial();
    busy |= balloon_follow();
    balloon_report();
    if (busy) dirty_step(); /* a balloon that always moves does not end the writing */
    if (!busy && !dirty_runs() && !beat_cycles && idle()) continue;
    while (!busy && rdtsc() - polled < POLL_CYCLES) {
      if (!dirty_step()) pause();
    }
  }
}
