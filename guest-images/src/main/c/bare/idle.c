/*
 * Waiting without the processor: it is halted in ring 0 (start.S) until the timer of its local APIC fires
 * (Intel SDM volume 3, chapter "Advanced Programmable Interrupt Controller"). No other interrupt is let in.
 */
#include "bare.h"

#define APIC 0xfee00000UL
#define SPURIOUS_VECTOR (APIC + 0xf0)
#define LVT_TIMER (APIC + 0x320)
#define INITIAL_COUNT (APIC + 0x380)
#define DIVIDE (APIC + 0x3e0)
#define APIC_ENABLED 0x100
#define DIVIDE_BY_1 0xb
#define PIC_MASK 0x21
#define SECOND_PIC_MASK 0xa1
#define CPUID_EDX_APIC (1U << 9)
/* 10 ms at the 1 GHz at which KVM and QEMU count: an exit or three each, and nobody at the serial line minds. */
#define IDLE_COUNT 10000000

static bool has_apic(void) {
  u32 eax = 1, ebx, ecx = 0, edx;
  asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
  return edx & CPUID_EDX_APIC;
}

static bool prepare(void) {
  if (!has_apic()) return false;
  out8(PIC_MASK, 0xff);
  out8(SECOND_PIC_MASK, 0xff);
  map(APIC, PAGE_SIZE);
  write32(SPURIOUS_VECTOR, APIC_ENABLED | SPURIOUS_INTERRUPT);
  write32(DIVIDE, DIVIDE_BY_1);
  write32(LVT_TIMER, TIMER_INTERRUPT); /* one shot, not masked */
  return true;
}

bool idle(void) {
  static enum { UNKNOWN, USABLE, ABSENT } timer;
  if (timer == UNKNOWN) timer = prepare() ? USABLE : ABSENT;
  if (timer == ABSENT) return false;
  write32(INITIAL_COUNT, IDLE_COUNT);
  hlt();
  return true;
}
