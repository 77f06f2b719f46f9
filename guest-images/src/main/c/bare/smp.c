/*
 * The other processors. They do nothing but be there: each is halted, and counts how often it was woken, so
 * that it shows whether it is still itself after a migration. Intel SDM volume 3, "Multiple-Processor
 * Initialization" and "Issuing Interprocessor Interrupts".
 */
#include "bare.h"
#include "smp.h"

#define APIC 0xfee00000UL
#define COMMAND_LOW (APIC + 0x300)
/* To all but this one, edge-triggered. */
#define TO_OTHERS 0xc4000U
#define DELIVER_INIT 0x500U
#define DELIVER_STARTUP 0x600U
/* Conventional memory that nobody else uses: the start-up vector is the number of its page. */
#define TRAMPOLINE 0x8000UL
#define SECONDS_TO_WAIT 20
/* Those with larger numbers have no address in the mode in which processors start. */
#define XAPIC_PROCESSORS 255

struct block {
  volatile u64 woken;
  u8 stack[AP_BLOCK_SIZE - 8];
};

extern u8 trampoline[], trampoline_end[];
extern volatile u32 ap_started, ap_online, ap_x2apic;
extern struct block ap_blocks[AP_MAX];

static u64 wakes;

static bool all_woken(void) {
  for (u32 i = 0; i < ap_online; i++) {
    if (ap_blocks[i].woken != wakes) return false;
  }
  return true;
}

static bool waited_too_long(u64 since) {
  pause();
  return rdtsc() - since > SECONDS_TO_WAIT * tsc_hz();
}

u64 smp_start(u64 processors) {
  if (processors < 1 || processors > AP_MAX + 1) return 0;
  map(APIC, PAGE_SIZE);
  memcpy((void *)TRAMPOLINE, trampoline, (size_t)(trampoline_end - trampoline));
  wakes = 0;
  ap_started = ap_online = 0;
  ap_x2apic = processors > XAPIC_PROCESSORS;
  fence();
  u64 since = rdtsc();
  write32(COMMAND_LOW, TO_OTHERS | DELIVER_INIT);
  write32(COMMAND_LOW, TO_OTHERS | DELIVER_STARTUP | TRAMPOLINE >> PAGE_SHIFT);
  while (ap_online < processors - 1 && !waited_too_long(since)) {}
  return ap_online + 1;
}

bool smp_wake(u64 *processors) {
  *processors = ap_online + 1;
  wakes++;
  fence();
  u64 since = rdtsc();
  if (ap_online) write32(COMMAND_LOW, TO_OTHERS | WAKE_INTERRUPT);
  while (!all_woken()) {
    if (waited_too_long(since)) return false;
  }
  return true;
}
