package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmRegs;
import dev.ballast.ffi.kvm.KvmSregs;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.util.HexFormat;
import java.util.Locale;

/**
 * The registers of a vCPU as text for the user, and the bytes at its instruction pointer.
 *
 * @param text several lines, without a line break at the end
 * @param ring0 whether the vCPU was in ring 0
 */
public record RegisterDump(String text, boolean ring0) {
  private static final int INSTRUCTION_BYTES = 16;
  private static final long CR0_PG = 1L << 31;
  private static final long CR4_LA57 = 1L << 12;
  private static final long EFER_LMA = 1L << 10;
  private static final long PAGE_PRESENT = 1;
  private static final long PAGE_LARGE = 1L << 7;
  private static final long PAGE_ADDRESS = 0x000f_ffff_ffff_f000L;

  /** Reads the registers of a vCPU that is not in the guest. */
  public static RegisterDump of(KvmVcpu vcpu, GuestMemory memory) {
    try {
      KvmRegs regs = vcpu.regs();
      KvmSregs sregs = vcpu.sregs();
      String text =
          String.format(
              Locale.ROOT,
              """
              rip %016x  rflags %08x  rsp %016x  rbp %016x
              rax %016x  rbx %016x  rcx %016x  rdx %016x
              rsi %016x  rdi %016x  r8  %016x  r9  %016x
              r10 %016x  r11 %016x  r12 %016x  r13 %016x
              r14 %016x  r15 %016x  cs %04x base %x  ss %04x  ds %04x
              cr0 %08x  cr2 %016x  cr3 %016x  cr4 %08x  efer %04x
              code %s\
              """,
              regs.rip(),
              regs.rflags(),
              regs.rsp(),
              regs.rbp(),
              regs.rax(),
              regs.rbx(),
              regs.rcx(),
              regs.rdx(),
              regs.rsi(),
              regs.rdi(),
              regs.r8(),
              regs.r9(),
              regs.r10(),
              regs.r11(),
              regs.r12(),
              regs.r13(),
              regs.r14(),
              regs.r15(),
              sregs.cs().selector(),
              sregs.cs().base(),
              sregs.ss().selector(),
              sregs.ds().selector(),
              sregs.cr0(),
              sregs.cr2(),
              sregs.cr3(),
              sregs.cr4(),
              sregs.efer(),
              code(regs, sregs, memory));
      return new RegisterDump(text, (sregs.cs().selector() & 3) == 0);
    } catch (ErrnoException e) {
      return new RegisterDump("registers cannot be read: " + e.getMessage(), false);
    }
  }

  private static String code(KvmRegs regs, KvmSregs sregs, GuestMemory memory) {
    byte[] code = new byte[INSTRUCTION_BYTES];
    int length = 0;
    boolean longMode = (sregs.efer() & EFER_LMA) != 0;
    long linear = longMode ? regs.rip() : sregs.cs().base() + regs.rip();
    try {
      while (length < code.length) {
        code[length] = (byte) memory.readU8(physical(linear + length, sregs, memory));
        length++;
      }
    } catch (GuestAddressException _) {
      // The bytes so far are what there is: the rest is not mapped to RAM.
      if (length == 0) {
        return "not in guest RAM";
      }
    } catch (InternalError e) {
      // HotSpot's answer to a SIGBUS: a huge page that the host has no memory for. The dump goes on
      // without the code.
      return "not readable: " + e.getMessage();
    }
    return HexFormat.ofDelimiter(" ").formatHex(code, 0, length);
  }

  /** Walks the guest's page tables (Intel SDM 3A §4.5); 32-bit paging is not followed. */
  private static long physical(long linear, KvmSregs sregs, GuestMemory memory)
      throws GuestAddressException {
    if ((sregs.cr0() & CR0_PG) == 0) {
      return linear;
    }
    if ((sregs.efer() & EFER_LMA) == 0) {
      throw new GuestAddressException(linear, 1);
    }
    long table = sregs.cr3() & PAGE_ADDRESS;
    int topShift = (sregs.cr4() & CR4_LA57) != 0 ? 48 : 39;
    for (int shift = topShift; ; shift -= 9) {
      long entry = memory.readU64(table + ((linear >>> shift) & 0x1ff) * 8);
      if ((entry & PAGE_PRESENT) == 0) {
        throw new GuestAddressException(linear, 1);
      }
      if (shift == 12 || (shift < 39 && (entry & PAGE_LARGE) != 0)) {
        long offsetMask = (1L << shift) - 1;
        return (entry & PAGE_ADDRESS & ~offsetMask) | (linear & offsetMask);
      }
      table = entry & PAGE_ADDRESS;
    }
  }
}
