package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.NumaPolicy;
import dev.ballast.ffi.linux.NumberSet;
import dev.ballast.ffi.linux.ThreadAffinity;
import dev.ballast.ffi.linux.ThreadKick;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.GuestNode;
import dev.ballast.vmm.memory.HostNodes;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A machine that is where it was told to be, on the real KVM. */
@Tag("kvm")
@Timeout(60)
class PlacementKvmTest extends TinyGuestFixture {
  private static final long HALF = MEMORY / 2;

  private static NumaPolicy policy(NumaPolicy.Mode mode) {
    return new NumaPolicy(mode, NumberSet.parse("0"));
  }

  private MachineConfig placed(Placement placement) throws Exception {
    return config(Optional.of(kernel(COUNTER))).withPlacement(placement);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void theMemoryOfEachNodeHasItsPolicy(boolean incoming) throws Exception {
    assumeTrue(!HostNodes.current().nodes().isEmpty(), "the kernel has NUMA");
    Placement placement =
        new Placement(
            List.of(
                new GuestNode(
                    NumberSet.parse("0"), HALF, Optional.of(policy(NumaPolicy.Mode.BIND))),
                new GuestNode(
                    NumberSet.NONE, HALF, Optional.of(policy(NumaPolicy.Mode.PREFERRED)))),
            Map.of());
    MachineConfig config = placed(placement);
    try (Machine machine = machine(incoming ? config.asDestination() : config)) {
      long ram = machine.memory().ram().address();
      assertThat(NumaPolicy.at(ram)).contains(policy(NumaPolicy.Mode.BIND));
      assertThat(NumaPolicy.at(ram + HALF - 4096)).contains(policy(NumaPolicy.Mode.BIND));
      assertThat(NumaPolicy.at(ram + HALF)).contains(policy(NumaPolicy.Mode.PREFERRED));
      if (!incoming) {
        machine.resume();
        awaitProgress(machine);
      }
    }
  }

  @Test
  void memoryOfAMachineThatWasToldNothingHasNoPolicyOfItsOwn() throws Exception {
    assumeTrue(!HostNodes.several(), "one node");
    try (Machine machine = machine(COUNTER)) {
      assertThat(NumaPolicy.at(machine.memory().ram().address())).isEmpty();
    }
  }

  @Test
  void vcpusRunWhereTheyMayOnly() throws Exception {
    NumberSet mine = ThreadAffinity.get(ThreadKick.currentThreadId());
    int last = mine.end() - 1;
    NumberSet one = NumberSet.of(last);
    try (Machine machine = machine(placed(new Placement(List.of(), Map.of(0, one))))) {
      VcpuThread vcpu = machine.vcpuThreads().getFirst();
      Path status = Path.of("/proc/self/task/" + vcpu.threadId() + "/status");
      assertThat(Files.readString(status)).contains("Cpus_allowed_list:\t" + last + "\n");
      assertThat(ThreadAffinity.get(ThreadKick.currentThreadId())).isEqualTo(mine);
      machine.resume();
      awaitProgress(machine);
    }
  }

  @Test
  void aProcessorThatIsNotThereIsTheKernelsRefusal() throws Exception {
    NumberSet none = NumberSet.of(8000);
    Placement placement = new Placement(List.of(), Map.of(0, none));
    assertThatThrownBy(() -> machine(placed(placement)))
        .isInstanceOf(ErrnoException.class)
        .hasMessageContaining("sched_setaffinity: EINVAL");
  }

  private static String tables(Machine machine) throws Exception {
    long size = AddressMap.HIGH_MEMORY - AddressMap.ACPI_TABLES;
    byte[] bytes =
        machine.memory().view(AddressMap.ACPI_TABLES, size).toArray(ValueLayout.JAVA_BYTE);
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  @Test
  void theGuestFindsItsNodesInItsTables() throws Exception {
    Placement placement =
        new Placement(
            List.of(
                new GuestNode(NumberSet.parse("0"), HALF, Optional.empty()),
                new GuestNode(NumberSet.NONE, HALF, Optional.empty())),
            Map.of());
    try (Machine machine = machine(placed(placement))) {
      assertThat(tables(machine)).contains("SRAT", "SLIT");
    }
    try (Machine machine = machine(COUNTER)) {
      assertThat(tables(machine)).doesNotContain("SRAT");
    }
  }
}
