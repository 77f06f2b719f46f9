package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.state.Snapshottable;
import java.io.IOException;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A machine of more than 255 vCPUs: its interrupts come from an I/O APIC outside of the kernel. */
@Tag("kvm")
@Timeout(120)
class LongApicIdsKvmTest extends TinyGuestFixture {
  private static final int VCPUS = 257;
  private static final long READY = WORD + 4;

  /** How often {@link #LEVEL_INTERRUPT} wants its interrupt before it clears the cause. */
  private static final int TIMES = 3;

  /**
   * Takes the power button's interrupt, which is level-triggered, on pin 9 as vector 0x31. Its
   * handler counts at {@link #WORD}, clears the cause at the third time only, and ends the
   * interrupt at the local APIC.
   */
  private static final int[] LEVEL_INTERRUPT = {
    0x0f, 0x01, 0x15, 0xc8, 0x00, 0x10, 0x00, // lgdtl 0x1000c8
    0x0f, 0x01, 0x1d, 0xce, 0x00, 0x10, 0x00, // lidtl 0x1000ce
    0xbf, 0x88, 0x11, 0x20, 0x00, // mov $0x201188,%edi
    0xb8, 0x7d, 0x00, 0x10, 0x00, // mov $0x10007d,%eax
    0x66, 0x89, 0x07, // mov %ax,(%edi)
    0x66, 0xc7, 0x47, 0x02, 0x10, 0x00, // movw $0x10,0x2(%edi)
    0x66, 0xc7, 0x47, 0x04, 0x00, 0x8e, // movw $0x8e00,0x4(%edi)
    0xc1, 0xe8, 0x10, // shr $0x10,%eax
    0x66, 0x89, 0x47, 0x06, // mov %ax,0x6(%edi)
    0xbc, 0x00, 0x00, 0x30, 0x00, // mov $0x300000,%esp
    0xc7, 0x05, 0xf0, 0x00, 0xe0, 0xfe, 0x3f, 0x01, 0x00, 0x00, // movl $0x13f,0xfee000f0
    0xc7, 0x05, 0x00, 0x00, 0xc0, 0xfe, 0x23, 0x00, 0x00, 0x00, // movl $0x23,0xfec00000
    0xc7, 0x05, 0x10, 0x00, 0xc0, 0xfe, 0x00, 0x00, 0x00, 0x00, // movl $0x0,0xfec00010
    0xc7, 0x05, 0x00, 0x00, 0xc0, 0xfe, 0x22, 0x00, 0x00, 0x00, // movl $0x22,0xfec00000
    0xc7, 0x05, 0x10, 0x00, 0xc0, 0xfe, 0x31, 0x80, 0x00, 0x00, // movl $0x8031,0xfec00010
    0x66, 0xba, 0x02, 0x06, // mov $0x602,%dx
    0x66, 0xb8, 0x00, 0x01, // mov $0x100,%ax
    0x66, 0xef, // out %ax,(%dx)
    0xc7, 0x05, 0x04, 0x00, 0x20, 0x00, 0x01, 0x00, 0x00, 0x00, // movl $0x1,0x200004
    0xfb, // sti
    0x90, // nop: a KVM that interprets ring 0 would halt before it reports the end of the interrupt
    0xeb, 0xfc, // jmp 100079 <again>
    0xff, 0x05, 0x00, 0x00, 0x20, 0x00, // incl 0x200000
    0x83, 0x3d, 0x00, 0x00, 0x20, 0x00, 0x03, // cmpl $0x3,0x200000
    0x75, 0x0a, // jne 100096 <handler+0x19>
    0x66, 0xba, 0x00, 0x06, // mov $0x600,%dx
    0x66, 0xb8, 0x00, 0x01, // mov $0x100,%ax
    0x66, 0xef, // out %ax,(%dx)
    0xc7, 0x05, 0xb0, 0x00, 0xe0, 0xfe, 0x00, 0x00, 0x00, 0x00, // movl $0x0,0xfee000b0
    0xbc, 0x00, 0x00, 0x30, 0x00, // mov $0x300000,%esp
    0xeb, 0xd2, // jmp 100079 <again>
    0x90, // align
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // GDT: null
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // unused
    0xff, 0xff, 0x00, 0x00, 0x00, 0x9b, 0xcf, 0x00, // code, 32 bits
    0xff, 0xff, 0x00, 0x00, 0x00, 0x93, 0xcf, 0x00, // data
    0x1f, 0x00, 0xa8, 0x00, 0x10, 0x00, // pointer to the GDT
    0xff, 0x03, 0x00, 0x10, 0x20, 0x00, // pointer to the IDT
  };

  @BeforeEach
  void needsSoManyVcpus() throws IOException {
    try (Kvm kvm = Kvm.open()) {
      assumeThat(kvm.checkExtension(Capability.MAX_VCPUS)).isGreaterThanOrEqualTo(VCPUS);
    }
  }

  private Machine machine(boolean incoming, int... code) throws IOException {
    MachineConfig one = config(Optional.of(kernel(code)));
    MachineConfig many =
        new MachineConfig(
            one.kvm(), RamConfig.anonymous(MEMORY), VCPUS, one.kernel(), new TestConsole());
    return machine(incoming ? many.asDestination() : many);
  }

  @Test
  void aLevelStaysAnInterruptUntilItsCauseIsCleared() throws Exception {
    try (Machine machine = machine(false, LEVEL_INTERRUPT)) {
      machine.resume();
      await().until(() -> word(machine, READY) == 1);
      machine.pressPowerButton();
      await().until(() -> word(machine, WORD) == TIMES);
      machine.pressPowerButton();
      await().until(() -> word(machine, WORD) > TIMES);
    }
  }

  @Test
  void itsInterruptsMove() throws Exception {
    try (Machine source = machine(false, LEVEL_INTERRUPT);
        Machine destination = machine(true, LEVEL_INTERRUPT)) {
      assertThat(source.stateSections())
          .extracting(Snapshottable::stateName)
          .contains("vcpu256", "ioapic")
          .doesNotContain("kvm-irqchip");
      source.resume();
      await().until(() -> word(source, READY) == 1);
      source.stopForMigration();
      destination.memory().ram().copyFrom(source.memory().ram());
      Sections.move(source, destination);
      destination.endMigration(RunState.RUNNING);
      destination.pressPowerButton();
      await().until(() -> word(destination, WORD) == TIMES);
      source.endMigration(RunState.POSTMIGRATE);
    }
  }

  @Test
  void aResetLeavesNoInterruptBehind() throws Exception {
    try (Machine machine = machine(false, LEVEL_INTERRUPT)) {
      machine.resume();
      await().until(() -> word(machine, READY) == 1);
      machine.pause();
      machine.memory().writeU32(READY, 0);
      machine.reset();
      machine.resume();
      await().until(() -> word(machine, READY) == 1);
      assertThat(word(machine, WORD)).isZero();
      machine.pressPowerButton();
      await().until(() -> word(machine, WORD) == TIMES);
    }
  }
}
