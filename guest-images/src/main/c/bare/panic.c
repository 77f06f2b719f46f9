/* Exceptions and the ways to stop. The stubs in start.S are the only part that runs in ring 0. */
#include "bare.h"

#define VECTORS 32
#define PROTECTION_VECTOR 13

struct gate {
  u16 offset_low, selector, flags, offset_middle;
  u32 offset_high, zero;
};
struct gate idt[SPURIOUS_INTERRUPT + 1];

struct exception_frame {
  u64 cr2, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
  u64 vector, error, rip, cs, rflags, rsp, ss;
};

static void set_gate(u32 vector, const void *handler) {
  u64 offset = (u64)handler;
  idt[vector] = (struct gate){
      .offset_low = (u16)offset,
      .selector = 8,
      .flags = 0x8e00, /* present 64-bit interrupt gate */
      .offset_middle = (u16)(offset >> 16),
      .offset_high = (u32)(offset >> 32),
  };
}

void exceptions_init(void) {
  for (u32 vector = 0; vector < VECTORS; vector++) set_gate(vector, exception_stubs + 16 * vector);
  set_gate(PROTECTION_VECTOR, protection_stub);
  set_gate(TIMER_INTERRUPT, timer_stub);
  set_gate(WAKE_INTERRUPT, wake_stub);
  set_gate(SPURIOUS_INTERRUPT, spurious_stub);
}

_Noreturn void halt(void) {
  for (;;) hlt();
}

_Noreturn void panic(const char *reason) {
  say("panic %s", reason);
  halt();
}

_Noreturn void panic_exception(const struct exception_frame *f) {
  static bool nested;
  if (nested) halt();
  nested = true;
  say("panic exception vector=%lu error=0x%lx rip=0x%lx cs=0x%lx rflags=0x%lx rsp=0x%lx ss=0x%lx cr2=0x%lx "
      "rax=0x%lx rbx=0x%lx rcx=0x%lx rdx=0x%lx rsi=0x%lx rdi=0x%lx rbp=0x%lx "
      "r8=0x%lx r9=0x%lx r10=0x%lx r11=0x%lx r12=0x%lx r13=0x%lx r14=0x%lx r15=0x%lx",
      f->vector, f->error, f->rip, f->cs, f->rflags, f->rsp, f->ss, f->cr2, f->rax, f->rbx, f->rcx, f->rdx,
      f->rsi, f->rdi, f->rbp, f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15);
  halt();
}

_Noreturn void triple_fault(void) {
  memset(idt, 0, sizeof idt);
  for (;;) asm volatile("ud2");
}
