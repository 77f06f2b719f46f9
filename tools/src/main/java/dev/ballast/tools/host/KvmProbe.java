package dev.ballast.tools.host;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmExit;
import dev.ballast.ffi.kvm.KvmRegs;
import dev.ballast.ffi.kvm.KvmSegment;
import dev.ballast.ffi.kvm.KvmSregs;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.Mapping;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.machine.MachineBuilder;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The kind of {@code /dev/kvm}, found by running a few instructions on it.
 *
 * @param kind what it can run
 * @param evidence for the kind, in one line
 * @param errno why KVM cannot be used, as in errno(3), or 0
 * @param ring0InstructionsPerSecond how fast ring 0 of a guest is, or 0 where that could not be
 *     measured
 * @param missingCapabilities what Ballast needs of KVM and it does not have
 */
public record KvmProbe(
    HostKvm kind,
    String evidence,
    int errno,
    long ring0InstructionsPerSecond,
    List<Capability> missingCapabilities) {

  private static final long MEMORY = 0x4000;
  private static final int LOOP = 0x1000;
  private static final int POPCNT = 0x2000;

  /** {@code again: dec ecx; jnz again; hlt} in 32-bit code: two instructions a round. */
  private static final byte[] LOOP_CODE = {0x49, 0x75, (byte) 0xfd, (byte) 0xf4};

  /**
   * {@code popcnt eax, ecx; hlt}. KVM's interpreter does not know popcnt; processors that run KVM
   * do.
   */
  private static final byte[] POPCNT_CODE = {
    (byte) 0xf3, 0x0f, (byte) 0xb8, (byte) 0xc1, (byte) 0xf4
  };

  private static final int SHORT_LOOP = 20_000;
  private static final int LONG_LOOP = 20_000_000;

  /** Below this time, the short loop says little about the rate. */
  private static final long MEASURABLE_NANOS = 2_000_000;

  /** KVM's own pages, just below 4 GiB, as in every PC. */
  private static final long CR0_PE = 1;

  private static final long CR0_ET = 1 << 4;
  private static final long RFLAGS_ALWAYS_SET = 2;
  private static final int CODE_SELECTOR = 0x8;
  private static final int DATA_SELECTOR = 0x10;
  private static final int TYPE_CODE = 0xb;
  private static final int TYPE_DATA = 0x3;

  /** Runs the instructions: milliseconds with hardware, a tenth of a second without. Any thread. */
  public static KvmProbe run() {
    try (Kvm kvm = Kvm.open()) {
      if (kvm.apiVersion() != Kvm.API_VERSION) {
        return unusable("/dev/kvm speaks version " + kvm.apiVersion() + " of its interface", 0);
      }
      List<Capability> missing = new ArrayList<>();
      for (Capability capability : MachineBuilder.NEEDED) {
        if (kvm.checkExtension(capability) == 0) {
          missing.add(capability);
        }
      }
      return run(kvm, List.copyOf(missing));
    } catch (ErrnoException e) {
      return unusable(String.valueOf(e.getMessage()), e.errno());
    }
  }

  /**
   * Runs one instruction that every Linux kernel of today has and an interpreter of guest ring 0
   * has not. Takes milliseconds. Any thread.
   *
   * @param device KVM's device file
   * @return what KVM did instead, in a few words, if it cannot run Linux; empty if it could, or if
   *     KVM cannot be used at all, whose error the next call reports
   */
  public static Optional<String> obstacleToLinux(Path device) {
    try (Kvm kvm = Kvm.open(device);
        Mapping memory = Mapping.anonymous(MEMORY, true);
        KvmVm vm = kvm.createVm()) {
      place(memory, POPCNT, POPCNT_CODE);
      vm.setTssAddress(AddressMap.TASK_STATE_SEGMENT);
      vm.memorySlots().set(0, 0, 0, MEMORY, memory.address());
      try (KvmVcpu vcpu = vm.createVcpu(0)) {
        enterProtectedMode(vcpu);
        // A processor too old for popcnt faults, which is another exit.
        return start(vcpu, POPCNT, 1) >= 0 && vcpu.runPage().exitReason() == KvmExit.INTERNAL_ERROR
            ? Optional.of("popcnt in ring 0 ends in " + exit(vcpu))
            : Optional.empty();
      }
    } catch (ErrnoException _) {
      return Optional.empty();
    }
  }

  private static KvmProbe unusable(String evidence, int errno) {
    return new KvmProbe(HostKvm.NONE, evidence, errno, 0, List.of());
  }

  private static KvmProbe run(Kvm kvm, List<Capability> missing) throws ErrnoException {
    try (Mapping memory = Mapping.anonymous(MEMORY, true);
        KvmVm vm = kvm.createVm()) {
      place(memory, LOOP, LOOP_CODE);
      place(memory, POPCNT, POPCNT_CODE);
      vm.setTssAddress(AddressMap.TASK_STATE_SEGMENT);
      vm.memorySlots().set(0, 0, 0, MEMORY, memory.address());
      try (KvmVcpu vcpu = vm.createVcpu(0)) {
        enterProtectedMode(vcpu);
        return judge(vcpu, missing);
      }
    }
  }

  private static KvmProbe judge(KvmVcpu vcpu, List<Capability> missing) throws ErrnoException {
    long nanos = timeLoop(vcpu, SHORT_LOOP);
    long rounds = SHORT_LOOP;
    if (nanos >= 0 && nanos < MEASURABLE_NANOS) {
      nanos = timeLoop(vcpu, LONG_LOOP);
      rounds = LONG_LOOP;
    }
    if (nanos < 0) {
      return unusable("/dev/kvm does not run code: " + exit(vcpu), 0);
    }
    long rate = Math.round(2.0 * rounds * 1e9 / Math.max(1, nanos));
    String speed = String.format(Locale.ROOT, "ring 0 at %.1f M instructions/s", rate / 1e6);
    start(vcpu, POPCNT, 0b1011);
    if (vcpu.runPage().exitReason() == KvmExit.HLT && vcpu.regs().rax() == 3) {
      return new KvmProbe(HostKvm.HARDWARE, speed + ", popcnt works", 0, rate, missing);
    }
    return new KvmProbe(
        HostKvm.PAGETABLE, speed + ", popcnt ends in " + exit(vcpu), 0, rate, missing);
  }

  /** Returns how many nanoseconds the rounds took, or -1 if the guest did not get through. */
  private static long timeLoop(KvmVcpu vcpu, int rounds) throws ErrnoException {
    long before = System.nanoTime();
    int result = start(vcpu, LOOP, rounds);
    long nanos = System.nanoTime() - before;
    return result >= 0 && vcpu.runPage().exitReason() == KvmExit.HLT ? nanos : -1;
  }

  private static int start(KvmVcpu vcpu, int address, int ecx) throws ErrnoException {
    vcpu.setRegs(new KvmRegs().rip(address).rcx(ecx).rflags(RFLAGS_ALWAYS_SET));
    return vcpu.run();
  }

  private static String exit(KvmVcpu vcpu) {
    return "KVM_EXIT_" + KvmExit.name(vcpu.runPage().exitReason());
  }

  private static void place(Mapping memory, int address, byte[] code) {
    MemorySegment.copy(code, 0, memory.segment(), JAVA_BYTE, address, code.length);
  }

  /** Ring 0, 32 bits, flat segments, no paging: hardware of any age runs that itself. */
  private static void enterProtectedMode(KvmVcpu vcpu) throws ErrnoException {
    KvmSregs sregs = vcpu.sregs();
    sregs.cr0(CR0_PE | CR0_ET);
    flat(sregs.cs(), CODE_SELECTOR, TYPE_CODE);
    for (KvmSegment segment :
        Arrays.asList(sregs.ds(), sregs.es(), sregs.fs(), sregs.gs(), sregs.ss())) {
      flat(segment, DATA_SELECTOR, TYPE_DATA);
    }
    vcpu.setSregs(sregs);
  }

  private static void flat(KvmSegment segment, int selector, int type) {
    segment.base(0).limit(-1).selector(selector).type(type);
    segment.present(1).dpl(0).db(1).s(1).l(0).g(1);
  }
}
