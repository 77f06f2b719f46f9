package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmRegs;
import dev.ballast.ffi.kvm.KvmSegment;
import dev.ballast.ffi.kvm.KvmSregs;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.vmm.boot.BootEntry;
import dev.ballast.vmm.bus.AddressMap;

/** Sets the first vCPU up to enter a loaded guest. */
public final class BootRegisters {
  private static final long CR0_PE = 1;
  private static final long CR0_ET = 1 << 4;
  private static final long CR0_PG = 1L << 31;
  private static final long CR4_PAE = 1 << 5;
  private static final long EFER_LME = 1 << 8;
  private static final long EFER_LMA = 1 << 10;
  private static final long RFLAGS_RESERVED = 1 << 1;

  private static final int TYPE_DATA = 3;
  private static final int TYPE_CODE = 11;
  private static final int TYPE_BUSY_TSS = 11;
  private static final int BOOT_CS = 0x10;
  private static final int BOOT_DS = 0x18;

  private BootRegisters() {}

  /**
   * Sets the registers; the rest is as after power-on.
   *
   * @param vcpu the first vCPU, parked
   * @param entry how to enter the guest
   * @throws ErrnoException if KVM refuses
   */
  public static void apply(KvmVcpu vcpu, BootEntry entry) throws ErrnoException {
    KvmRegs regs = new KvmRegs();
    KvmSregs sregs = vcpu.sregs();
    regs.rflags(RFLAGS_RESERVED);
    flat(sregs.ds(), BOOT_DS, TYPE_DATA).db(1);
    flat(sregs.es(), BOOT_DS, TYPE_DATA).db(1);
    flat(sregs.fs(), BOOT_DS, TYPE_DATA).db(1);
    flat(sregs.gs(), BOOT_DS, TYPE_DATA).db(1);
    flat(sregs.ss(), BOOT_DS, TYPE_DATA).db(1);
    flat(sregs.tr(), 0, TYPE_BUSY_TSS).s(0).g(0).limit(0x67);
    switch (entry) {
      case BootEntry.Pvh pvh -> {
        flat(sregs.cs(), BOOT_CS, TYPE_CODE).db(1);
        sregs.cr0(CR0_PE | CR0_ET);
        sregs.cr4(0);
        sregs.efer(0);
        regs.rip(pvh.entry()).rbx(pvh.startInfo());
      }
      case BootEntry.Linux64 linux -> {
        flat(sregs.cs(), BOOT_CS, TYPE_CODE).l(1).db(0);
        sregs.gdt().base(AddressMap.GDT).limit(AddressMap.GDT_SIZE - 1);
        sregs.cr0(CR0_PE | CR0_ET | CR0_PG);
        sregs.cr3(AddressMap.PAGE_TABLES);
        sregs.cr4(CR4_PAE);
        sregs.efer(EFER_LME | EFER_LMA);
        regs.rip(linux.entry()).rsi(linux.bootParams());
      }
    }
    vcpu.setSregs(sregs);
    vcpu.setRegs(regs);
  }

  private static KvmSegment flat(KvmSegment segment, int selector, int type) {
    return segment
        .base(0)
        .limit(0xffff_ffff)
        .selector(selector)
        .type(type)
        .present(1)
        .dpl(0)
        .db(0)
        .s(1)
        .l(0)
        .g(1)
        .avl(0)
        .unusable(0);
  }
}
