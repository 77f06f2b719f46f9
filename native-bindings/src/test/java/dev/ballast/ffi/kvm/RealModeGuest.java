package dev.ballast.ffi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.Mapping;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * One megabyte of memory in slot 0 with code at {@link #ENTRY}, and one vCPU that starts there in
 * real mode, without interrupt controllers. Real mode is interpreted on some hosts, so tests run
 * few instructions.
 */
final class RealModeGuest implements AutoCloseable {
  static final long MEMORY = 1 << 20;
  static final int ENTRY = 0x1000;

  private final Kvm kvm;
  private final KvmVm vm;
  private final Mapping memory;
  private final KvmVcpu vcpu;

  private RealModeGuest(byte[] code, int slotFlags, boolean irqchip) throws ErrnoException {
    kvm = Kvm.open();
    vm = kvm.createVm();
    memory = Mapping.anonymous(MEMORY, false);
    MemorySegment.copy(code, 0, memory.segment(), JAVA_BYTE, ENTRY, code.length);
    vm.setTssAddress(0xfffbd000L);
    if (irqchip) {
      vm.createIrqChip();
    }
    vm.memorySlots().set(0, slotFlags, 0, MEMORY, memory.address());
    vcpu = vm.createVcpu(0);
    KvmSregs sregs = vcpu.sregs();
    sregs.cs().base(0).selector(0);
    vcpu.setSregs(sregs);
    vcpu.setRegs(new KvmRegs().rip(ENTRY).rsp(0x8000).rflags(2));
  }

  /** Skips the test, with the reason, where there is no usable KVM. */
  static void assumeKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "no /dev/kvm that this user may use");
  }

  static RealModeGuest with(byte... code) throws ErrnoException {
    return with(code, 0, false);
  }

  static RealModeGuest with(byte[] code, int slotFlags, boolean irqchip) throws ErrnoException {
    assumeKvm();
    return new RealModeGuest(code, slotFlags, irqchip);
  }

  KvmVm vm() {
    return vm;
  }

  KvmVcpu vcpu() {
    return vcpu;
  }

  Mapping memory() {
    return memory;
  }

  @Override
  public void close() {
    vcpu.close();
    vm.close();
    kvm.close();
    memory.close();
  }
}
