/* The commands of bare.h. */
#include "bare.h"
#include "virtio_mmio.h"

#define MAX_WORDS 8
/* ACPI PM1 control */
#define SLEEP_TYPE_SHIFT 10
#define SLEEP_ENABLE (1 << 13)

struct call {
  const char *name;
  char **words;  /* without the name */
  u64 number[4]; /* the words as numbers, where the command takes only numbers */
  u32 count;
};

/* What replies to the current command end with: " @TAG", or nothing. */
static const char *tag_space = "", *tag = "";

static void answer(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void answer(const char *format, ...) {
  char text[896];
  va_list arguments;
  va_start(arguments, format);
  text_format(text, sizeof text, format, arguments);
  va_end(arguments);
  say("%s%s%s", text, tag_space, tag);
}

static void too_scattered(const struct call *call) { answer("err %s too scattered", call->name); }

/* START SIZE as pages; says what is wrong. */
static bool range(const struct call *call, u64 *first, u64 *end) {
  u64 start = call->number[0], size = call->number[1];
  if ((start | size) % PAGE_SIZE || size == 0 || start + size < start) {
    answer("err %s range not of whole pages", call->name);
    return false;
  }
  *first = start >> PAGE_SHIFT;
  *end = (start + size) >> PAGE_SHIFT;
  return true;
}

static void say_tally(const struct call *call, const struct tally *tally) {
  if (tally->bad) {
    answer("err %s pages=%lu skipped=%lu bad=%lu first=0x%lx", call->name, tally->pages, tally->skipped, tally->bad,
        tally->first_bad << PAGE_SHIFT);
  } else {
    answer("ok %s pages=%lu skipped=%lu", call->name, tally->pages, tally->skipped);
  }
}

/* SEED [WORDS]; says what is wrong. */
static bool pattern_of(const struct call *call, struct pattern *pattern) {
  u64 period = call->count > 3 ? call->number[3] : PATTERN_WORDS;
  if (period == 0 || period > PATTERN_WORDS || period & (period - 1)) {
    answer("err %s words not a power of 2 up to %lu", call->name, (u64)PATTERN_WORDS);
    return false;
  }
  *pattern = (struct pattern){.seed = call->number[2], .period = period};
  return true;
}

static void fill(const struct call *call) {
  u64 first, end;
  struct pattern pattern;
  struct tally tally;
  if (!range(call, &first, &end) || !pattern_of(call, &pattern)) return;
  if (pattern_fill(first, end, pattern, &tally)) {
    say_tally(call, &tally);
  } else {
    too_scattered(call);
  }
}

static void check(const struct call *call) {
  u64 first, end;
  struct pattern pattern;
  struct tally tally = {0};
  if (!range(call, &first, &end) || !pattern_of(call, &pattern)) return;
  pattern_check(first, end, pattern, &tally);
  say_tally(call, &tally);
}

static void release(const struct call *call) {
  u64 first, end;
  if (!range(call, &first, &end)) return;
  u64 used = memory_count(PAGE_USED);
  if (memory_move(first, end, PAGE_USED, PAGE_FREE)) {
    answer("ok free pages=%lu", used - memory_count(PAGE_USED));
  } else {
    too_scattered(call);
  }
}

static void start_dirty(const struct call *call) {
  u64 first, end;
  if (!range(call, &first, &end)) return;
  if (dirty_start(first, end, call->number[2], call->count > 3 ? call->number[3] : 0)) {
    answer("ok dirty");
  } else {
    answer("err dirty nothing usable there");
  }
}

static void stop(const struct call *call) {
  (void)call;
  dirty_stop();
  answer("ok stop pages=%lu generation=%lu", dirty_pages(), dirty_generation());
}

static void check_dirty(const struct call *call) {
  struct tally tally;
  if (dirty_check(&tally)) {
    say_tally(call, &tally);
  } else {
    answer("err check-dirty nothing was dirtied");
  }
}

static void balloon(const struct call *call) {
  if (!balloon_device) {
    answer("err %s no device", call->name);
    return;
  }
  answer("ok balloon num_pages=%lu actual=%lu must_tell_host=%s auto=%s", (u64)balloon_target(), (u64)balloon_actual(),
      balloon_features & 1 ? "on" : "off", options.automatic ? "on" : "off");
}

static void automatic(const struct call *call) {
  bool on = text_equal(call->words[0], "on");
  if (on || text_equal(call->words[0], "off")) {
    options.automatic = on;
    answer("ok auto %s", call->words[0]);
  } else {
    answer("err auto on or off");
  }
}

static void change(const struct call *call) {
  u64 done;
  options.automatic = false;
  const char *reason = balloon_change(call->name[0] == 'i', call->number[0], &done);
  if (reason) {
    answer("err %s %s pages=%lu", call->name, reason, done);
  } else {
    answer("ok %s pages=%lu", call->name, done);
  }
}

static void change_pfns(const struct call *call) {
  options.automatic = false;
  u64 stride = call->count > 2 ? call->number[2] : 1;
  const char *reason = balloon_pfns(call->name[0] == 'i', call->number[0], call->number[1], stride);
  if (reason) {
    answer("err %s %s", call->name, reason);
  } else {
    answer("ok %s pages=%lu", call->name, call->number[1]);
  }
}

static void say_outcome(const struct call *call, const char *reason) {
  if (reason) {
    answer("err %s %s", call->name, reason);
  } else {
    answer("ok %s", call->name);
  }
}

static void post(const struct call *call) {
  options.automatic = false;
  say_outcome(call, balloon_post(text_equal(call->name, "post-inflate"), call->number[0], call->number[1]));
}

static void reap(const struct call *call) { say_outcome(call, balloon_reap()); }

static void reset_balloon(const struct call *call) { say_outcome(call, balloon_init()); }

static void hostile(const struct call *call) {
  char text[256] = "";
  u64 argument = 1;
  if (call->count > 1 && !text_number(call->words[1], &argument)) {
    answer("err hostile arguments");
    return;
  }
  options.automatic = false;
  const char *reason = hostile_act(call->words[0], argument, text, sizeof text);
  if (reason) {
    answer("err hostile %s", reason);
  } else {
    answer("ok hostile kind=%s %s", call->words[0], text);
  }
}

static void count(const struct call *call) { answer("ok %s count=%lu", call->name, loop_count); }

static void beat(const struct call *call) {
  beat_cycles = mul_div(call->number[0], tsc_hz(), 1000);
  answer("ok beat ms=%lu", call->number[0]);
}

static void mem(const struct call *call) {
  answer("ok %s free=%lu used=%lu ballooned=%lu reserved=%lu", call->name, memory_count(PAGE_FREE),
      memory_count(PAGE_USED), memory_count(PAGE_BALLOONED), memory_count(PAGE_RESERVED));
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...) {
  size_t length = 0;
  while (text[length]) length++;
  va_list arguments;
  va_start(arguments, format);
  text_format(text + length, size - length, format, arguments);
  va_end(arguments);
}

static void ram(const struct call *call) {
  char text[768] = "";
  for (const struct run *run = memory_next(0); run;) {
    u64 first = run->first, end = run->end;
    while ((run = memory_next(end)) && run->first == end) end = run->end;
    append(text, sizeof text, " 0x%lx-0x%lx", first << PAGE_SHIFT, end << PAGE_SHIFT);
  }
  answer("ok %s%s", call->name, text);
}

static void devices(const struct call *call) {
  char text[768] = "";
  for (u32 i = 0; i < options.device_count; i++) {
    map(options.devices[i], PAGE_SIZE);
    append(text, sizeof text, " 0x%lx:%lu", options.devices[i], (u64)read32(options.devices[i] + DEVICE_ID));
  }
  answer("ok %s%s", call->name, text);
}

/* Device registers are 32 bits wide; RAM is accessed 8 bytes at a time where the address allows it. */
static bool wide(u64 address) {
  const struct run *run = memory_next(address >> PAGE_SHIFT);
  return address % 8 == 0 && run && run->first <= address >> PAGE_SHIFT;
}

static bool reachable(const struct call *call) {
  if (call->number[0] % 4 == 0 && call->number[0] >> 47 == 0) {
    map(call->number[0], 8);
    return true;
  }
  answer("err %s address", call->name);
  return false;
}

static void peek(const struct call *call) {
  u64 address = call->number[0];
  if (!reachable(call)) return;
  u64 value = wide(address) ? *(volatile u64 *)address : read32(address);
  answer("ok peek value=0x%lx", value);
}

static void poke(const struct call *call) {
  u64 address = call->number[0];
  if (!reachable(call)) return;
  if (wide(address)) {
    *(volatile u64 *)address = call->number[1];
  } else {
    write32(address, (u32)call->number[1]);
  }
  answer("ok poke");
}

static void start_cpus(const struct call *call) {
  u64 wanted = call->number[0], running = smp_start(wanted);
  if (running == wanted) {
    answer("ok %s cpus=%lu", call->name, running);
  } else {
    answer("err %s cpus=%lu", call->name, running);
  }
}

static void wake_cpus(const struct call *call) {
  u64 processors;
  bool all = smp_wake(&processors);
  answer("%s %s cpus=%lu", all ? "ok" : "err", call->name, processors);
}

static void tsc(const struct call *call) {
  answer("ok %s khz=%lu source=%s", call->name, tsc_hz() / 1000, tsc_source());
}

static void bench(const struct call *call) {
  bool pio = text_equal(call->words[0], "pio");
  u64 n, device = options.device_count ? options.devices[0] : 0;
  if ((!pio && !text_equal(call->words[0], "mmio")) || !text_number(call->words[1], &n) || n == 0) {
    answer("err bench pio or mmio, and a number");
    return;
  }
  if (!pio && !device) {
    answer("err bench no device");
    return;
  }
  if (!pio) map(device, PAGE_SIZE);
  u64 start = rdtsc();
  for (u64 i = 0; i < n; i++) {
    if (pio) {
      in8(0x3fd);
    } else {
      read32(device + MAGIC_VALUE);
    }
  }
  u64 cycles = rdtsc() - start;
  answer("ok bench kind=%s n=%lu cycles=%lu ns_each=%lu", call->words[0], n, cycles,
      mul_div(cycles, 1000000000, tsc_hz()) / n);
}

static void crash(const struct call *call) {
  (void)call;
  asm volatile("ud2");
}

static void port_out(const struct call *call) {
  out8((u16)call->number[0], (u8)call->number[1]);
  answer("ok out");
}

static void fault(const struct call *call) {
  answer("ok %s", call->name);
  triple_fault();
}

static void reboot(const struct call *call) {
  answer("ok %s", call->name);
  out8(0x64, 0xfe);
  for (u64 start = rdtsc(); rdtsc() - start < 1UL << 28;) pause();
  triple_fault(); /* no i8042 */
}

static void poweroff(const struct call *call) {
  if (options.poweroff_port == 0) {
    answer("err %s no poweroff_port", call->name);
    return;
  }
  answer("ok %s", call->name);
  u16 port = (u16)options.poweroff_port;
  if (options.poweroff_value) {
    out16(port, (u16)options.poweroff_value);
  } else {
    out16(port, SLEEP_ENABLE);
    out16(port, SLEEP_ENABLE | 5 << SLEEP_TYPE_SHIFT);
  }
  halt();
}

static void leave(const struct call *call) {
  answer("ok %s", call->name);
  out8((u16)options.exit_port, (u8)call->number[0]);
}

static const struct {
  const char *name;
  void (*run)(const struct call *);
  u32 min, max; /* words */
  bool numbers;
} commands[] = {
    {"fill", fill, 3, 4, true},
    {"check", check, 3, 4, true},
    {"free", release, 2, 2, true},
    {"dirty", start_dirty, 3, 4, true},
    {"stop", stop, 0, 0, true},
    {"check-dirty", check_dirty, 0, 0, true},
    {"balloon", balloon, 0, 0, true},
    {"auto", automatic, 1, 1, false},
    {"inflate", change, 1, 1, true},
    {"deflate", change, 1, 1, true},
    {"inflate-pfn", change_pfns, 2, 3, true},
    {"deflate-pfn", change_pfns, 2, 3, true},
    {"post-inflate", post, 2, 2, true},
    {"post-deflate", post, 2, 2, true},
    {"reap", reap, 0, 0, true},
    {"reset-balloon", reset_balloon, 0, 0, true},
    {"hostile", hostile, 1, 2, false},
    {"count", count, 0, 0, true},
    {"beat", beat, 1, 1, true},
    {"mem", mem, 0, 0, true},
    {"ram", ram, 0, 0, true},
    {"devices", devices, 0, 0, true},
    {"peek", peek, 1, 1, true},
    {"poke", poke, 2, 2, true},
    {"out", port_out, 2, 2, true},
    {"start-cpus", start_cpus, 1, 1, true},
    {"wake-cpus", wake_cpus, 0, 0, true},
    {"tsc", tsc, 0, 0, true},
    {"bench", bench, 2, 2, false},
    {"crash", crash, 0, 0, true},
    {"triple-fault", fault, 0, 0, true},
    {"reboot", reboot, 0, 0, true},
    {"poweroff", poweroff, 0, 0, true},
    {"exit", leave, 1, 1, true},
};

static bool parse_numbers(struct call *call) {
  for (u32 i = 0; i < call->count; i++) {
    const char *rest = text_number(call->words[i], &call->number[i]);
    if (!rest || *rest) return false;
  }
  return true;
}

void command_run(char *line) {
  char *words[MAX_WORDS];
  u32 count = 0;
  while (count < MAX_WORDS) {
    while (*line == ' ' || *line == '\t') line++;
    if (!*line) break;
    words[count++] = line;
    while (*line && *line != ' ' && *line != '\t') line++;
    if (*line) *line++ = 0;
  }
  bool tagged = count > 0 && words[count - 1][0] == '@';
  tag_space = tagged ? " " : "";
  tag = tagged ? words[--count] : "";
  if (count == 0) return;
  for (u32 i = 0; i < sizeof commands / sizeof *commands; i++) {
    if (!text_equal(words[0], commands[i].name)) continue;
    struct call call = {.name = words[0], .words = words + 1, .count = count - 1};
    if (call.count < commands[i].min || call.count > commands[i].max ||
        (commands[i].numbers && !parse_numbers(&call))) {
      answer("err %s arguments", words[0]);
    } else {
      commands[i].run(&call);
    }
    return;
  }
  answer("err %s unknown command", words[0]);
}
