/*
 * A driver that breaks the rules of virtio (v1.3 §2.7, §4.2), for tests of the device.
 *
 * Malformed requests on the inflate queue: each says outcome=used when the device took it, needs-reset when it
 * gave up, or ignored when neither came within a second.
 *
 *   loop indirect indirect-loop indirect-in-indirect indirect-next straddle outside wrap odd-length too-long writable
 *   readable-last bad-head bad-next index-jump index-back rings-in-balloon
 *
 * Registers that are not the driver's to write any more; then a good request, which has to be used:
 *
 *   queue-registers features status
 *
 * For N seconds; says how often, and how often the device had to be reset:
 *
 *   kick           notifies the inflate queue, which is empty
 *   kick-any       notifies queues that do not exist
 *   registers      writes random values into random registers
 *   rings          fills the rings with noise
 *   flood          sends requests of 65536 scattered pages each, and takes them back
 *
 * Page frame numbers that are sent are never of pages that the guest itself uses.
 */
#include "bare.h"
#include "virtio_mmio.h"

#define NEXT 1
#define WRITE 2
#define INDIRECT 4

#define INFLATE 0
#define DEFLATE 1

#define FLOOD_PFNS 65536
#define REGISTERS 0x100

static u32 numbers[FLOOD_PFNS] NOINIT;
static struct virtq_desc table[4] __attribute__((aligned(16)));
/* Rings in a page of their own, which the guest gives away. */
static u8 lost_page[PAGE_SIZE] __attribute__((aligned(4096)));

static u64 random_state = 0x9e3779b97f4a7c15UL;

static u64 random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return random_state;
}

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  text_format(text, size, format, arguments);
  va_end(arguments);
}

static bool needs_reset(void) { return read32(balloon_device + STATUS) & STATUS_NEEDS_RESET; }

static void notify(u32 index) { write32(balloon_device + QUEUE_NOTIFY, index); }

/* Waits until the device has used all that is available, gives up, or a second has passed. */
static const char *outcome(const struct virtq *queue) {
  const volatile u16 *used = &queue->used->index;
  for (u64 start = rdtsc(); rdtsc() - start < tsc_hz(); pause()) {
    if (*used == queue->next) return "used";
    if (needs_reset()) return "needs-reset";
  }
  return "ignored";
}

static u64 end_of_ram(void) {
  u64 end = 0;
  for (const struct run *run = memory_next(0); run; run = memory_next(end)) end = run->end;
  return end << PAGE_SHIFT;
}

static struct virtq_desc to(u64 address, u32 length, u16 flags, u16 next) {
  return (struct virtq_desc){.address = address, .length = length, .flags = flags, .next = next};
}

/* Builds the malformed chain of that kind in the queue's table, from descriptor 0 on; false when there is no such kind. */
static bool malform(const char *kind, struct virtq_desc *desc) {
  u64 array = (u64)numbers, end = end_of_ram();
  if (text_equal(kind, "loop")) {
    desc[0] = to(array, 4, NEXT, 1);
    desc[1] = to(array, 4, NEXT, 0);
  } else if (text_equal(kind, "indirect")) { /* well-formed, but only where it was negotiated */
    table[0] = to(array, 4, 0, 0);
    desc[0] = to((u64)table, sizeof *table, INDIRECT, 0);
  } else if (text_equal(kind, "indirect-loop")) {
    table[0] = to(array, 4, NEXT, 1);
    table[1] = to(array, 4, NEXT, 0);
    desc[0] = to((u64)table, sizeof table, INDIRECT, 0);
  } else if (text_equal(kind, "indirect-in-indirect")) {
    table[0] = to((u64)&table[1], sizeof *table, INDIRECT, 0);
    table[1] = to(array, 4, 0, 0);
    desc[0] = to((u64)table, sizeof *table, INDIRECT, 0);
  } else if (text_equal(kind, "indirect-next")) {
    table[0] = to(array, 4, 0, 0);
    desc[0] = to((u64)table, sizeof *table, INDIRECT | NEXT, 1);
    desc[1] = to(array, 4, 0, 0);
  } else if (text_equal(kind, "straddle")) {
    desc[0] = to(end - 8, 16, 0, 0);
  } else if (text_equal(kind, "outside")) {
    desc[0] = to(end + (1UL << 40), 4, 0, 0);
  } else if (text_equal(kind, "wrap")) {
    desc[0] = to(-8UL, 16, 0, 0);
  } else if (text_equal(kind, "odd-length")) {
    desc[0] = to(array, 5, 0, 0);
  } else if (text_equal(kind, "too-long")) {
    desc[0] = to(PAGE_SIZE, 16 << 20, 0, 0);
  } else if (text_equal(kind, "writable")) {
    desc[0] = to(array, 4, WRITE, 0);
  } else if (text_equal(kind, "readable-last")) {
    desc[0] = to(array, 4, WRITE | NEXT, 1);
    desc[1] = to(array, 4, 0, 0);
  } else if (text_equal(kind, "bad-next")) {
    desc[0] = to(array, 4, NEXT, 0xffff);
  } else {
    return false;
  }
  return true;
}

/* Does to the available ring what the kind says; false when there is no such kind. */
static bool misplace(const char *kind, struct virtq *queue) {
  if (text_equal(kind, "bad-head")) {
    virtq_offer(queue, 0xffff);
  } else if (text_equal(kind, "index-jump")) {
    queue->next += 1000;
    virtq_offer(queue, 0);
  } else if (text_equal(kind, "index-back")) {
    queue->next -= 2;
    virtq_offer(queue, 0);
  } else {
    return false;
  }
  return true;
}

/* Gives away the page that the array of page frame numbers is in, and says so in that page. */
static void lose_array(struct virtq *queue) {
  u32 *array = (u32 *)lost_page;
  for (u32 i = 0; i < PAGE_SIZE / sizeof *array; i++) array[i] = (u32)((u64)lost_page >> PAGE_SHIFT);
  queue->desc[0] = to((u64)lost_page, PAGE_SIZE, 0, 0);
  virtq_offer(queue, 0);
}

static const char *malformed(const char *kind, char *text, size_t size) {
  struct virtq *queue = balloon_queue(INFLATE);
  numbers[0] = 0xffffffff;
  if (text_equal(kind, "rings-in-balloon")) {
    lose_array(queue);
  } else if (!misplace(kind, queue)) {
    if (!malform(kind, queue->desc)) return "unknown kind";
    virtq_offer(queue, 0);
  }
  notify(INFLATE);
  append(text, size, "outcome=%s", outcome(queue));
  balloon_abandon();
  return NULL;
}

static void rewrite_queues(void) {
  u64 device = balloon_device;
  for (u32 index = 0; index < 2; index++) {
    write32(device + QUEUE_SEL, index);
    write32(device + QUEUE_READY, 0);
    write32(device + QUEUE_NUM, 3);
    for (u32 at = QUEUE_DESC; at < QUEUE_DEVICE + 8; at += 4) write32(device + at, 0xdeadbeef);
    write32(device + QUEUE_READY, 1);
  }
}

static void rewrite_features(void) {
  for (u32 word = 0; word < 4; word++) {
    write32(balloon_device + DRIVER_FEATURES_SEL, word);
    write32(balloon_device + DRIVER_FEATURES, 0xffffffff);
  }
}

static void rewrite_status(void) {
  write32(balloon_device + STATUS, STATUS_ACKNOWLEDGE);
  write32(balloon_device + STATUS, STATUS_NEEDS_RESET);
  write32(balloon_device + STATUS, 0xffffffff & ~STATUS_FAILED);
}

/* Writes the registers of that kind and sends a good request; false when there is no such kind. */
static bool forbidden(const char *kind, char *text, size_t size) {
  if (text_equal(kind, "queue-registers")) {
    rewrite_queues();
  } else if (text_equal(kind, "features")) {
    rewrite_features();
  } else if (text_equal(kind, "status")) {
    rewrite_status();
  } else {
    return false;
  }
  struct virtq *queue = balloon_queue(INFLATE);
  numbers[0] = 0xffffffff;
  queue->desc[0] = to((u64)numbers, 4, 0, 0);
  virtq_offer(queue, 0);
  notify(INFLATE);
  append(text, size, "outcome=%s", outcome(queue));
  return true;
}

static void kick(void) { notify(INFLATE); }

static void kick_any(void) { notify((u32)random() | 2); }

static void write_register(void) {
  u32 at = (u32)random() % REGISTERS & ~3u;
  u64 value = random();
  /* Small values are the ones that mean something to most registers. */
  write32(balloon_device + at, (u32)(value & 1 ? value >> 32 : value >> 32 & 0x4f));
}

static u32 wild_pfn(void) { return (u32)random() | 0x80000000; }

/* Descriptors whose fields are now and then noise, else point to page frame numbers outside RAM. */
static void scramble(struct virtq *queue) {
  for (u32 i = 0; i < 64; i++) numbers[i] = wild_pfn();
  for (u32 i = 0; i < queue->size; i++) {
    u64 noise = random();
    bool wild = noise % 64 == 0;
    /* Far above any RAM: what is read there must not become a page frame number. */
    u64 address = wild ? random() | 1UL << 52 : (u64)numbers + noise % 32 * 4;
    u16 flags = noise >> 8 & 0x1f ? noise >> 16 & NEXT : noise >> 16 & (NEXT | WRITE);
    u16 next = noise >> 24 & 0x3f ? noise >> 32 & (queue->size - 1) : noise >> 32;
    queue->desc[i] = to(address, wild ? (u32)random() : noise >> 48 & 0x7c, flags, next);
    queue->avail->ring[i] = noise >> 40 & 0x3ff ? noise >> 50 & (queue->size - 1) : noise >> 50;
  }
  volatile u16 *available = &queue->avail->index;
  fence();
  *available = queue->next += random() % (queue->size + queue->size / 8);
  fence();
}

static u64 flood_first, flood_count;

/* Takes every other page of the highest free run. */
static bool flood_prepare(void) {
  struct run run;
  if (!memory_highest(PAGE_FREE, 2 * FLOOD_PFNS, &run) || run.end - run.first < 2) return false;
  flood_first = run.first;
  flood_count = (run.end - run.first) / 2;
  map(run.first << PAGE_SHIFT, (run.end - run.first) << PAGE_SHIFT);
  return true;
}

/* Makes the pages real, gives them all in one request, round and round, and takes them back. */
static const char *flood(void) {
  for (u64 i = 0; i < flood_count; i++) *(volatile u64 *)((flood_first + 2 * i) << PAGE_SHIFT) = i;
  for (u32 i = 0; i < FLOOD_PFNS; i++) numbers[i] = (u32)(flood_first + 2 * (i % flood_count));
  for (u32 index = INFLATE; index <= DEFLATE; index++) {
    struct virtq *queue = balloon_queue(index);
    queue->desc[0] = to((u64)numbers, sizeof numbers, 0, 0);
    virtq_offer(queue, 0);
    notify(index);
    const volatile u16 *used = &queue->used->index;
    while (*used != queue->next) {
      pause();
      if (needs_reset()) return "device needs reset";
    }
  }
  return NULL;
}

static bool repeats(const char *kind) {
  static const char *const kinds[] = {"kick", "kick-any", "registers", "rings", "flood"};
  for (u32 i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (text_equal(kind, kinds[i])) return true;
  }
  return false;
}

/* Repeats an act for some seconds; resets the device whenever it gave up. */
static const char *repeat(const char *kind, u64 seconds, char *text, size_t size) {
  bool kicks = text_equal(kind, "kick"), kicks_any = text_equal(kind, "kick-any");
  bool rings = text_equal(kind, "rings"), registers = text_equal(kind, "registers"), floods = text_equal(kind, "flood");
  if (floods && !flood_prepare()) return "no free pages";
  u64 acts = 0, resets = 0, cycles = seconds * tsc_hz();
  for (u64 start = rdtsc(); rdtsc() - start < cycles; acts++) {
    const char *reason = NULL;
    if (kicks) kick();
    if (kicks_any) kick_any();
    if (registers) write_register();
    if (floods) reason = flood();
    if (reason) return reason;
    if (rings) {
      for (u32 index = INFLATE; index <= DEFLATE; index++) {
        scramble(balloon_queue(index));
        notify(index);
      }
      /* A batch or two may pass before the next one. */
      for (u32 looks = 0; looks < 4 && !needs_reset(); looks++) pause();
    }
    if (rings && needs_reset()) {
      resets++;
      reason = balloon_init();
      if (reason) return reason;
    }
    tick();
  }
  append(text, size, "times=%lu resets=%lu", acts, resets);
  if (registers || rings) balloon_abandon();
  return NULL;
}

const char *hostile_act(const char *kind, u64 argument, char *text, size_t size) {
  if (!balloon_queue(INFLATE)) return "no working balloon";
  if (forbidden(kind, text, size)) return NULL;
  return repeats(kind) ? repeat(kind, argument, text, size) : malformed(kind, text, size);
}
