package dev.ballast.vmm.vcpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmRegs;
import dev.ballast.ffi.kvm.KvmSregs;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.linux.ThreadKick;
import dev.ballast.vmm.memory.AnonymousRam;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A vCPU, without interrupt controllers, that starts in real mode and accesses a device for ever.
 */
final class EndlessGuest implements AutoCloseable {
  /** Which port {@link #PORT_IO} accesses. */
  static final int PORT = 0x510;

  /** The address, behind the end of RAM, that {@link #MEMORY_IO} accesses. */
  static final long ADDRESS = 0x10_0000;

  /** Writes a byte to the port, reads two, and so on. */
  static final byte[] PORT_IO = {
    (byte) 0xba,
    0x10,
    0x05, // mov dx, 0x510
    (byte) 0xee, // again: out dx, al
    (byte) 0xed, // in ax, dx
    (byte) 0xeb,
    -4, // jmp again
  };

  /** Writes two bytes to the address, reads one, and so on. */
  static final byte[] MEMORY_IO = {
    (byte) 0xb8,
    -1,
    -1, // mov ax, 0xffff
    (byte) 0x8e,
    (byte) 0xd8, // mov ds, ax
    (byte) 0xa3,
    0x10,
    0x00, // again: mov [0x10], ax
    (byte) 0xa0,
    0x10,
    0x00, // mov al, [0x10]
    (byte) 0xeb,
    -8, // jmp again
  };

  private static final int ENTRY = 0x1000;
  private static final long TSS = 0xfffbd000L;

  private final Kvm kvm;
  private final KvmVm vm;
  private final GuestMemory memory;
  private final KvmVcpu vcpu;

  EndlessGuest(byte[] code) throws IOException {
    ThreadKick.install();
    memory = new GuestMemory(new AnonymousRam(GuestMemory.SIZE_ALIGNMENT, false));
    MemorySegment.copy(code, 0, memory.ram(), JAVA_BYTE, ENTRY, code.length);
    kvm = Kvm.open();
    vm = kvm.createVm();
    vm.setTssAddress(TSS);
    vm.memorySlots().set(0, 0, 0, ADDRESS, memory.ram().address());
    vcpu = vm.createVcpu(0);
    KvmSregs sregs = vcpu.sregs();
    sregs.cs().base(0).selector(0);
    vcpu.setSregs(sregs);
    vcpu.setRegs(new KvmRegs().rip(ENTRY).rflags(2));
  }

  /** Skips the test, with the reason, where there is no usable KVM. */
  static void assumeKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "no /dev/kvm that this user may use");
  }

  KvmVcpu vcpu() {
    return vcpu;
  }

  GuestMemory memory() {
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
