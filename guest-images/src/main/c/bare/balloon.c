/*
 * Balloon driver (virtio v1.3 §5.5). It inflates the highest free pages first and deflates the lowest ballooned
 * ones first; a deflated page is free only after the device has acknowledged it, as VIRTIO_BALLOON_F_MUST_TELL_HOST
 * wants.
 */
#include "bare.h"
#include "virtio_mmio.h"

#define DEVICE_BALLOON 5
#define INFLATE_QUEUE 0
#define DEFLATE_QUEUE 1
#define STATS_QUEUE 2
#define NUM_PAGES (CONFIG + 0)
#define ACTUAL (CONFIG + 4)

#define F_MUST_TELL_HOST (1UL << 0)
#define F_STATS_VQ (1UL << 1)
#define F_DEFLATE_ON_OOM (1UL << 2)
#define F_INDIRECT_DESC (1UL << 28)
#define F_VERSION_1 (1UL << 32)

#define STAT_FREE 4
#define STAT_TOTAL 5

#define MAX_DEPTH 64
#define MAX_BATCH 1024

static const char *const needs_reset = "device needs reset";

static struct virtq queues[3];
static u32 pfns[MAX_DEPTH][MAX_BATCH] NOINIT;
static struct {
  u16 tag;
  u64 value;
} __attribute__((packed)) report[2];
static bool broken;
/* A request that was posted and not looked after yet. */
static struct {
  bool inflate;
  u64 first, count;
} posted;

u64 balloon_device;
u64 balloon_features;

static u64 read_features(u64 device) {
  write32(device + DEVICE_FEATURES_SEL, 0);
  u64 features = read32(device + DEVICE_FEATURES);
  write32(device + DEVICE_FEATURES_SEL, 1);
  return features | (u64)read32(device + DEVICE_FEATURES) << 32;
}

static void write_features(u64 device, u64 features) {
  write32(device + DRIVER_FEATURES_SEL, 0);
  write32(device + DRIVER_FEATURES, (u32)features);
  write32(device + DRIVER_FEATURES_SEL, 1);
  write32(device + DRIVER_FEATURES, (u32)(features >> 32));
}

static u64 find_device(void) {
  for (u32 i = 0; i < options.device_count; i++) {
    u64 device = options.devices[i];
    map(device, PAGE_SIZE);
    if (read32(device + MAGIC_VALUE) == MAGIC && read32(device + DEVICE_ID) == DEVICE_BALLOON) return device;
  }
  return 0;
}

static const char *fail(const char *reason) {
  write32(balloon_device + STATUS, STATUS_FAILED);
  broken = true;
  return reason;
}

const char *balloon_init(void) {
  u64 device = balloon_device = find_device();
  if (!device) return "no device";
  broken = false;
  posted.count = 0;
  if (read32(device + VERSION) != 2) return fail("legacy device");
  write32(device + STATUS, 0);
  while (read32(device + STATUS) != 0) pause();
  memory_move(0, ~0UL, PAGE_BALLOONED, PAGE_FREE);
  u32 status = STATUS_ACKNOWLEDGE | STATUS_DRIVER;
  write32(device + STATUS, STATUS_ACKNOWLEDGE);
  write32(device + STATUS, status);

  u64 wanted = F_VERSION_1;
  if (options.must_tell_host) wanted |= F_MUST_TELL_HOST;
  if (options.deflate_on_oom) wanted |= F_DEFLATE_ON_OOM;
  if (options.stats) wanted |= F_STATS_VQ;
  if (options.indirect_desc) wanted |= F_INDIRECT_DESC;
  balloon_features = read_features(device) & wanted;
  if (!(balloon_features & F_VERSION_1)) return fail("no VIRTIO_F_VERSION_1");
  write_features(device, balloon_features);
  status |= STATUS_FEATURES_OK;
  write32(device + STATUS, status);
  if (!(read32(device + STATUS) & STATUS_FEATURES_OK)) return fail("features refused");

  for (u32 i = 0; i < (balloon_features & F_STATS_VQ ? 3 : 2); i++) {
    if (!virtq_init(&queues[i], device, i)) return fail("no queue");
  }
  write32(device + STATUS, status | STATUS_DRIVER_OK);
  balloon_report();
  return NULL;
}

/* The device holds the one buffer of the queue until it wants the next report (§5.5.6.3). */
void balloon_report(void) {
  struct virtq *queue = &queues[STATS_QUEUE];
  if (!balloon_device || broken || !(balloon_features & F_STATS_VQ)) return;
  if (*(const volatile u16 *)&queue->used->index != queue->next) return;
  u64 free = memory_count(PAGE_FREE), all = free + memory_count(PAGE_USED) + memory_count(PAGE_RESERVED);
  report[0].tag = STAT_FREE;
  report[0].value = free << PAGE_SHIFT;
  report[1].tag = STAT_TOTAL;
  report[1].value = all << PAGE_SHIFT;
  virtq_put(queue, 0, report, sizeof report);
  virtq_offer(queue, 0);
  write32(balloon_device + QUEUE_NOTIFY, STATS_QUEUE);
}

struct virtq *balloon_queue(u32 index) { return balloon_device && !broken ? &queues[index] : NULL; }

void balloon_abandon(void) { broken = true; }

u32 balloon_target(void) { return read32(balloon_device + NUM_PAGES); }

u32 balloon_actual(void) { return read32(balloon_device + ACTUAL); }

static void write_actual(void) { write32(balloon_device + ACTUAL, (u32)memory_count(PAGE_BALLOONED)); }

/* The most PFNs that are in flight at once. */
static u64 window(const struct virtq *queue) {
  u64 depth = options.depth < queue->size ? options.depth : queue->size;
  return options.batch * depth;
}

static bool tell(bool inflate, u64 first, u64 count, u64 stride) {
  u32 index = inflate ? INFLATE_QUEUE : DEFLATE_QUEUE;
  struct virtq *queue = &queues[index];
  u32 slots = 0;
  for (u64 done = 0; done < count; slots++) {
    u32 length = 0;
    for (; length < options.batch && done < count; done++) pfns[slots][length++] = (u32)(first + done * stride);
    virtq_put(queue, slots, pfns[slots], length * sizeof(u32));
  }
  if (virtq_publish(queue, balloon_device, index, slots)) return true;
  broken = true;
  return false;
}

/* Moves the pages of one run that fits the window. */
static const char *move_run(bool inflate, const struct run *run) {
  if (inflate && !memory_set(run->first, run->end, PAGE_BALLOONED)) return "too scattered";
  if (!tell(inflate, run->first, run->end - run->first, 1)) return needs_reset;
  if (!inflate && !memory_set(run->first, run->end, PAGE_FREE)) return "too scattered";
  write_actual();
  return NULL;
}

const char *balloon_change(bool inflate, u64 pages, u64 *done) {
  *done = 0;
  if (!balloon_device || broken) return "no working balloon";
  while (*done < pages) {
    struct run run;
    u64 max = window(&queues[inflate ? INFLATE_QUEUE : DEFLATE_QUEUE]);
    if (max > pages - *done) max = pages - *done;
    bool found = inflate ? memory_highest(PAGE_FREE, max, &run) : memory_lowest(PAGE_BALLOONED, max, &run);
    if (!found) return inflate ? "no free page" : "no page in the balloon";
    const char *reason = move_run(inflate, &run);
    if (reason) return reason;
    *done += run.end - run.first;
    tick();
  }
  return NULL;
}

bool balloon_follow(void) {
  if (!balloon_device || broken || !options.automatic) return false;
  u64 target = balloon_target(), actual = memory_count(PAGE_BALLOONED), done;
  if (target == actual) return false;
  u32 interrupts = read32(balloon_device + INTERRUPT_STATUS);
  if (interrupts) write32(balloon_device + INTERRUPT_ACK, interrupts);
  bool inflate = target > actual;
  u64 pages = inflate ? target - actual : actual - target;
  u64 max = window(&queues[inflate ? INFLATE_QUEUE : DEFLATE_QUEUE]);
  balloon_change(inflate, pages < max ? pages : max, &done);
  if (broken) say("err balloon %s", needs_reset);
  return done > 0;
}

/* Notes what becomes of a page that a test names; false when it is the guest's own or cannot be noted. */
static bool note(bool inflate, u64 pfn) {
  const struct run *run = memory_next(pfn);
  if (!run || run->first > pfn) return true; /* not RAM: the device has to cope */
  if (run->state == PAGE_RESERVED) return false;
  return inflate ? memory_set(pfn, pfn + 1, PAGE_BALLOONED)
                 : memory_move(pfn, pfn + 1, PAGE_BALLOONED, PAGE_FREE);
}

const char *balloon_pfns(bool inflate, u64 first, u64 count, u64 stride) {
  if (!balloon_device || broken) return "no working balloon";
  u64 max = window(&queues[inflate ? INFLATE_QUEUE : DEFLATE_QUEUE]);
  while (count > 0) {
    u64 n = count < max ? count : max;
    for (u64 i = 0; inflate && i < n; i++) {
      if (!note(true, (u32)(first + i * stride))) return "reserved page or too scattered";
    }
    if (!tell(inflate, first, n, stride)) return needs_reset;
    for (u64 i = 0; !inflate && i < n; i++) {
      if (!note(false, (u32)(first + i * stride))) return "reserved page or too scattered";
    }
    write_actual();
    first += n * stride;
    count -= n;
    tick();
  }
  return NULL;
}

const char *balloon_post(bool inflate, u64 first, u64 count) {
  if (!balloon_device || broken) return "no working balloon";
  if (posted.count) return "one is posted already";
  if (count == 0 || count > options.batch) return "not one batch";
  for (u64 i = 0; inflate && i < count; i++) {
    if (!note(true, first + i)) return "reserved page or too scattered";
  }
  u32 index = inflate ? INFLATE_QUEUE : DEFLATE_QUEUE;
  for (u64 i = 0; i < count; i++) pfns[0][i] = (u32)(first + i);
  virtq_put(&queues[index], 0, pfns[0], count * sizeof(u32));
  virtq_offer(&queues[index], 0);
  write32(balloon_device + QUEUE_NOTIFY, index);
  posted.inflate = inflate;
  posted.first = first;
  posted.count = count;
  return NULL;
}

const char *balloon_reap(void) {
  if (!posted.count) return "nothing is posted";
  u64 first = posted.first, count = posted.count;
  posted.count = 0;
  if (broken || !virtq_await(&queues[posted.inflate ? INFLATE_QUEUE : DEFLATE_QUEUE], balloon_device)) {
    broken = true;
    return needs_reset;
  }
  for (u64 i = 0; !posted.inflate && i < count; i++) {
    if (!note(false, first + i)) return "reserved page or too scattered";
  }
  write_actual();
  return NULL;
}
