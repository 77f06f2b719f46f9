/* The frequency of the time-stamp counter, found out when it is first wanted. */
#include "bare.h"

#define PIT_HZ 1193182UL
#define PIT_DATA 0x40
#define PIT_COMMAND 0x43
#define PIT_LATCH 0x00
#define PIT_MODE_0 0x30
#define MEASURED_TICKS (PIT_HZ / 100)

static u64 frequency;
static const char *source;

static void cpuid(u32 leaf, u32 *eax, u32 *ebx) {
  u32 ecx = 0, edx;
  *eax = leaf;
  asm volatile("cpuid" : "+a"(*eax), "=b"(*ebx), "+c"(ecx), "=d"(edx));
}

/* Hypervisor timing leaf: TSC kHz in eax; 0 when there is none. */
static u64 from_hypervisor(void) {
  u32 eax, ebx;
  cpuid(0x40000000, &eax, &ebx);
  if (eax < 0x40000010 || eax > 0x400000ff) return 0;
  cpuid(0x40000010, &eax, &ebx);
  return eax * 1000UL;
}

static u16 read_pit(void) {
  out8(PIT_COMMAND, PIT_LATCH);
  u16 low = in8(PIT_DATA);
  return (u16)(low | in8(PIT_DATA) << 8);
}

/* Watches PIT channel 0 count down for 10 ms; 0 when there is no PIT. Whatever delays this makes the result too high. */
static u64 measure_pit(void) {
  out8(PIT_COMMAND, PIT_MODE_0);
  out8(PIT_DATA, 0xff);
  out8(PIT_DATA, 0xff);
  u64 start = rdtsc(), now;
  u16 first = read_pit(), ticks;
  do {
    ticks = (u16)(first - read_pit());
    now = rdtsc();
    if (now - start > 1UL << 30) return 0;
  } while (ticks < MEASURED_TICKS);
  return mul_div(now - start, PIT_HZ, ticks);
}

static u64 from_pit(void) {
  u64 lowest = measure_pit();
  for (u32 i = 0; i < 4 && lowest; i++) {
    u64 hz = measure_pit();
    if (hz && hz < lowest) lowest = hz;
  }
  return lowest;
}

u64 tsc_hz(void) {
  if (frequency) return frequency;
  source = "option";
  frequency = options.tsc_khz * 1000;
  if (!frequency) {
    source = "hypervisor";
    frequency = from_hypervisor();
  }
  if (!frequency) {
    source = "pit";
    frequency = from_pit();
  }
  if (!frequency) {
    source = "assumed";
    frequency = 2000000000;
  }
  return frequency;
}

const char *tsc_source(void) {
  tsc_hz();
  return source;
}
