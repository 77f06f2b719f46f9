package dev.ballast.migration;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.migration.destination.DestinationParameters;
import dev.ballast.migration.protocol.Protocol;
import dev.ballast.migration.source.MigrationListener;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.migration.testing.Hop;
import dev.ballast.migration.testing.TestMachine;
import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.machine.MachineDescription.DeviceFeatures;
import dev.ballast.vmm.machine.MachineDescription.RamRange;
import dev.ballast.vmm.machine.RunState;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Machines that do not fit are refused before any RAM moves, in one line that names the field and
 * both values; both sides say the same.
 */
@Timeout(60)
class MismatchTest {
  private static final long MIB = 4;
  private static final MachineDescription D = description();

  private static MachineDescription description() {
    try (TestMachine machine = new TestMachine(MIB, RunState.RUNNING)) {
      return machine.description();
    }
  }

  private static MachineDescription machine(
      long bytes, int pageSize, int vcpus, List<String> devices, List<CpuFeatureWord> features) {
    return new MachineDescription(
        bytes, pageSize, vcpus, devices, features, D.layout(), D.deviceFeatures());
  }

  private static void refused(MachineDescription destination, String reason) throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 100, 1);
      b.describe(destination);
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      assertThat(hop.progress().error()).contains("the destination gave up: " + reason);
      assertThat(hop.failure()).hasMessage(reason);
      assertThat(hop.progress().ram().normal()).isZero();
      assertThat(b.populated().cardinality()).isZero();
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      assertThat(a.dirtyLog().isRunning()).isFalse();
      assertThat(b.runState()).isEqualTo(RunState.INMIGRATE);
    }
  }

  @Test
  void memorySize() throws Exception {
    refused(
        machine(1 << 20, 4096, 1, D.devices(), D.cpuFeatures()),
        "memory: source has 4194304 bytes, destination has 1048576 bytes");
  }

  @Test
  void memoryLayout() throws Exception {
    refused(
        new MachineDescription(
            D.memoryBytes(),
            4096,
            1,
            D.devices(),
            D.cpuFeatures(),
            List.of(new RamRange(0, 2 << 20), new RamRange(1L << 32, 2 << 20)),
            D.deviceFeatures()),
        "memory layout: source has [0x0 to 0x3fffff],"
            + " destination has [0x0 to 0x1fffff, 0x100000000 to 0x1001fffff]");
  }

  @Test
  void pageSize() throws Exception {
    refused(
        machine(D.memoryBytes(), 16384, 1, D.devices(), D.cpuFeatures()),
        "page size: source has 4096, destination has 16384");
  }

  @Test
  void vcpuCount() throws Exception {
    refused(
        machine(D.memoryBytes(), 4096, 2, D.devices(), D.cpuFeatures()),
        "vCPU count: source has 1, destination has 2");
  }

  @Test
  void deviceList() throws Exception {
    refused(
        machine(D.memoryBytes(), 4096, 1, List.of("counter"), D.cpuFeatures()),
        "device list: source has [counter, filler], destination has [counter]");
  }

  @Test
  void cpuFeaturesThatTheDestinationLacks() throws Exception {
    refused(
        machine(D.memoryBytes(), 4096, 1, D.devices(), List.of(new CpuFeatureWord(1, 0, "ecx", 3))),
        "CPUID 0x1.0 ecx: source has 0x00000007, destination has 0x00000003");
  }

  @Test
  void deviceFeaturesThatTheDestinationDoesNotOffer() throws Exception {
    refused(
        new MachineDescription(
            D.memoryBytes(),
            4096,
            1,
            D.devices(),
            D.cpuFeatures(),
            D.layout(),
            List.of(new DeviceFeatures("counter", 0x1))),
        "features of counter: source has 0x101, destination has 0x1");
  }

  private static CpuProfile cpu(int ecx) {
    CpuidTable.Entry vendor = new CpuidTable.Entry(0, 0, 0, 1, 0x756e6547, 0x6c65746e, 0x49656e69);
    CpuidTable.Entry features = new CpuidTable.Entry(1, 0, 0, 0x806f8, 0x800, ecx, 0);
    return new CpuProfile(
        new CpuidTable(List.of(vendor, features)),
        List.of(0x10, 0x10a),
        Map.of(0x10a, 1L),
        Map.of("XSAVE", 4096));
  }

  /** What the words say does not count then: they are the same on both sides. */
  @Test
  void aProcessorThatTheDestinationCannotOffer() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.PAUSED);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 100, 1);
      a.cpu(cpu(0x10_0000));
      b.cpu(cpu(0));
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      String reason =
          "CPU feature sse4_2: source has 0x1.0 ecx 0x00100000, destination has 0x1.0 ecx"
              + " 0x00000000";
      assertThat(hop.failure()).hasMessage(reason);
      assertThat(hop.progress().error()).contains("the destination gave up: " + reason);
      assertThat(hop.progress().ram().normal()).isZero();
      assertThat(b.populated().cardinality()).isZero();
    }
  }

  @Test
  void theProcessorOfTheSourceIsTakenOver() throws Exception {
    for (int version : new int[] {Protocol.VERSION_5, Protocol.VERSION_6}) {
      try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
          TestMachine b = TestMachine.waiting(MIB)) {
        a.cpu(cpu(0));
        b.cpu(cpu(0x10_0000));
        Hop hop = Hop.run(a, b, Hop.PARAMETERS.withMaxProtocolVersion(version));
        assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
        assertThat(b.description().cpu())
            .contains(cpu(version == Protocol.VERSION_6 ? 0 : 0x10_0000));
      }
    }
  }

  @Test
  void tscFrequencyThatTheDestinationCannotHave() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.PAUSED);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.fill(0, 100, 1);
      a.tsc(2_900_000, true);
      b.tsc(2_100_000, false);
      Hop hop = Hop.run(a, b, Hop.PARAMETERS);
      String reason =
          "TSC frequency: source has 2900000 kHz, destination has 2100000 kHz and its KVM does not"
              + " scale it; take one within 250 ppm";
      assertThat(hop.failure()).hasMessage(reason);
      assertThat(hop.progress().error()).contains("the destination gave up: " + reason);
      assertThat(b.populated().cardinality()).isZero();
      assertThat(a.runState()).isEqualTo(RunState.PAUSED);
    }
  }

  @Test
  void aDestinationThatScalesItsTscHasThatOfTheSource() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.PRELAUNCH);
        TestMachine b = TestMachine.waiting(MIB)) {
      a.tsc(2_900_000, false);
      b.tsc(2_100_000, true);
      assertThat(Hop.run(a, b, Hop.PARAMETERS).progress().status())
          .isEqualTo(MigrationStatus.COMPLETED);
      assertThat(b.description().tscKhz()).isEqualTo(2_900_000);
    }
  }

  /** Before version 5 it was not said; and there are hosts that do not know it. */
  @Test
  void aTscFrequencyThatIsNotSaidIsTaken() throws Exception {
    for (int version : new int[] {Protocol.VERSION_4, Protocol.VERSION_5}) {
      try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
          TestMachine b = TestMachine.waiting(MIB)) {
        a.tsc(version == Protocol.VERSION_5 ? 0 : 2_900_000, false);
        b.tsc(2_100_000, false);
        Hop hop = Hop.run(a, b, Hop.PARAMETERS.withMaxProtocolVersion(version));
        assertThat(hop.progress().status()).isEqualTo(MigrationStatus.COMPLETED);
        assertThat(b.description().tscKhz()).isEqualTo(2_100_000);
      }
    }
  }

  @Test
  void aDestinationThatOffersMoreTakesTheGuest() throws Exception {
    try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
        TestMachine b = TestMachine.waiting(MIB)) {
      b.describe(
          new MachineDescription(
              D.memoryBytes(),
              4096,
              1,
              D.devices(),
              List.of(new CpuFeatureWord(1, 0, "ecx", 0xf), new CpuFeatureWord(7, 0, "ebx", 1)),
              D.layout(),
              List.of(new DeviceFeatures("counter", 0x111), new DeviceFeatures("filler", 1))));
      assertThat(Hop.run(a, b, Hop.PARAMETERS).progress().status())
          .isEqualTo(MigrationStatus.COMPLETED);
    }
  }

  /**
   * The range of versions is in {@code HELLO} itself; here both sides have the newest in common.
   */
  @Test
  void theNewestVersionThatBothSpeakIsTaken() throws Exception {
    for (int source = Protocol.MIN_VERSION; source <= Protocol.MAX_VERSION; source++) {
      for (int destination = Protocol.MIN_VERSION;
          destination <= Protocol.MAX_VERSION;
          destination++) {
        try (TestMachine a = new TestMachine(MIB, RunState.RUNNING);
            TestMachine b = TestMachine.waiting(MIB)) {
          a.fill(3, 5, source);
          MigrationParameters parameters = Hop.PARAMETERS.withMaxProtocolVersion(source);
          DestinationParameters here =
              new DestinationParameters(
                  Hop.DESTINATION.acceptTimeout(), Hop.DESTINATION.silenceTimeout(), destination);
          Hop hop = Hop.run(a, b, parameters, here, MigrationListener.NONE);
          assertThat(hop.progress().error()).isEmpty();
          assertThat(hop.arrived().protocolVersion()).isEqualTo(Math.min(source, destination));
          assertThat(b.firstDifference(a)).isEqualTo(-1);
        }
      }
    }
  }
}
