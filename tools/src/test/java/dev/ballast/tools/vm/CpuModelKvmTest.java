package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.cpuid.CpuFeature;
import dev.ballast.vmm.cpuid.CpuFeatures;
import dev.ballast.vmm.cpuid.CpuModel;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.GuestCpuid;
import dev.ballast.vmm.cpuid.HostCpu;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The processor that a guest sees goes with it. What is looked at is what KVM was told. */
@Tag("kvm")
@Timeout(120)
class CpuModelKvmTest {
  private static final CpuFeature FEATURE = CpuFeatures.find("cx16").orElseThrow();
  private static final CpuModel WITHOUT = CpuModel.HOST.with(List.of("-cx16"));

  @TempDir Path directory;
  private BareMachines machines;

  @BeforeEach
  void needsKvm() throws IOException {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
    machines = new BareMachines(directory, 64 << 20);
    try (Kvm kvm = Kvm.open()) {
      assertThat(FEATURE.isIn(HostCpu.read(kvm).cpuid())).as("the host has it").isTrue();
    }
  }

  private static KvmVcpu vcpu(KvmVirtualMachine vm) {
    return vm.machine().vcpuThreads().getFirst().vcpu();
  }

  private static CpuidTable offered(CpuModel model) throws IOException {
    try (Kvm kvm = Kvm.open()) {
      return model.offer(HostCpu.read(kvm)).cpuid();
    }
  }

  /** KVM works some fields of a table out itself, and may show the host's, but drops no entry. */
  private static void assertHas(KvmVirtualMachine vm, CpuidTable offered) throws IOException {
    CpuidTable told = GuestCpuid.forVcpu(offered, 0, 1);
    CpuidTable kept = vcpu(vm).cpuid();
    assertThat(kept.entries().stream().map(e -> List.of(e.function(), e.index())).toList())
        .isEqualTo(told.entries().stream().map(e -> List.of(e.function(), e.index())).toList());
    assertThat(FEATURE.isIn(kept)).isEqualTo(FEATURE.isIn(told));
  }

  private void boot(KvmVirtualMachine vm) throws Exception {
    try (BareGuestConsole console = machines.console(vm.name())) {
      vm.cont();
      console.awaitReady(BareMachines.TIMEOUT);
    }
  }

  @Test
  void aGuestThatLacksAFeatureLacksItWhereItArrivesAndOnTheNextHopToo() throws Exception {
    try (KvmVirtualMachine a = machines.make("a", false, WITHOUT);
        KvmVirtualMachine b = machines.make("b", true, CpuModel.HOST);
        KvmVirtualMachine c = machines.make("c", true, CpuModel.HOST)) {
      assertHas(a, offered(WITHOUT));
      assertHas(b, offered(CpuModel.HOST));
      boot(a);
      assertThat(machines.migrate(a, b).error()).isEmpty();
      assertHas(b, offered(WITHOUT));
      assertThat(machines.migrate(b, c).error()).isEmpty();
      assertHas(c, offered(WITHOUT));
      CpuProfile there = c.machine().board().cpu().current();
      assertThat(there).isEqualTo(a.machine().board().cpu().own());
    }
  }

  @Test
  void aGuestThatHasAFeatureIsRefusedBeforeItsMemoryMoves() throws Exception {
    try (KvmVirtualMachine a = machines.make("a", false, CpuModel.HOST);
        KvmVirtualMachine b = machines.make("b", true, WITHOUT)) {
      boot(a);
      MigrationProgress refused = machines.migrate(a, b);
      assertThat(refused.status()).isEqualTo(MigrationStatus.FAILED);
      assertThat(refused.error())
          .hasValueSatisfying(
              reason ->
                  assertThat(reason)
                      .contains("CPU feature cx16: source has 0x1.0 ecx 0x")
                      .contains(", destination has 0x1.0 ecx 0x"));
      assertThat(refused.ram().normal()).isZero();
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      assertThat(b.runState()).isEqualTo(RunState.INMIGRATE);
    }
  }

  /** A source that failed leaves nothing of its processor behind. */
  @Test
  void aDestinationTakesAnotherGuestAfterOneThatDidNotArrive() throws Exception {
    try (KvmVirtualMachine b = machines.make("b", true, CpuModel.HOST)) {
      CpuProfile less;
      try (KvmVirtualMachine a = machines.make("a", false, WITHOUT)) {
        less = a.machine().description().cpu().orElseThrow();
      }
      b.machine().adoptCpu(Optional.of(less));
      assertHas(b, offered(WITHOUT));
      assertThat(b.machine().description().cpu()).contains(b.machine().board().cpu().own());
      b.machine().adoptCpu(Optional.empty());
      assertHas(b, offered(CpuModel.HOST));
    }
  }

  @Test
  void aResetLeavesTheGuestItsProcessor() throws Exception {
    try (KvmVirtualMachine a = machines.make("a", false, WITHOUT);
        KvmVirtualMachine b = machines.make("b", true, CpuModel.HOST)) {
      boot(a);
      assertThat(machines.migrate(a, b).error()).isEmpty();
      b.reset();
      assertHas(b, offered(WITHOUT));
    }
  }
}
