package dev.ballast.migration.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class MachineFieldsTest {
  private static final MachineDescription MACHINE =
      new MachineDescription(
              1L << 40,
              4096,
              2,
              List.of("vcpu0", "serial0"),
              List.of(
                  new CpuFeatureWord(1, 0, "ecx", -1),
                  new CpuFeatureWord(0x8000_0001, 3, "edx", 5)),
              List.of(
                  new MachineDescription.RamRange(0, 3L << 30),
                  new MachineDescription.RamRange(1L << 32, (1L << 40) - (3L << 30))),
              List.of(new MachineDescription.DeviceFeatures("balloon0", 0x1_0000_0022L)))
          .withTscKhz(2_100_000);

  private static byte[] encoded() {
    StateWriter writer = new StateWriter();
    MachineFields.write(MACHINE, writer);
    MachineFields.writeOffers(MACHINE, writer);
    MachineFields.writeTsc(MACHINE, writer);
    return writer.toByteArray();
  }

  private static MachineDescription decoded(byte[] bytes) throws IOException {
    StateReader reader = new StateReader("CONFIG", bytes);
    MachineDescription machine = MachineFields.read(reader);
    machine = MachineFields.readOffers(machine, reader);
    machine = MachineFields.readTsc(machine, reader);
    reader.end();
    return machine;
  }

  @Test
  void allFieldsTravel() throws IOException {
    assertThat(decoded(encoded())).isEqualTo(MACHINE);
  }

  @Test
  void nothingCanBeMissing() {
    byte[] bytes = encoded();
    for (int length = 0; length < bytes.length; length++) {
      byte[] truncated = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> decoded(truncated)).isInstanceOf(StateFormatException.class);
    }
  }

  @Test
  void hostileCountsAreRefused() {
    byte[] tooMany = new StateWriter().u64(0).u32(0).u32(0).u32(1 << 30).toByteArray();
    assertThatThrownBy(() -> decoded(tooMany))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("device count is 1073741824");
    byte[] negative = new StateWriter().u64(0).u32(0).u32(0).u32(-1).toByteArray();
    assertThatThrownBy(() -> decoded(negative)).isInstanceOf(StateFormatException.class);
  }

  @Test
  void aNameThatCouldSteerATerminalIsRefused() {
    byte[] escape = new StateWriter().u64(0).u32(0).u32(0).u32(1).string("\u001b[2J").toByteArray();
    assertThatThrownBy(() -> decoded(escape))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("not printable ASCII");
  }
}
