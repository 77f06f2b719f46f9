package dev.ballast.migration.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.vmm.cpuid.CpuComparison;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CpuFieldsTest {
  private static final CpuProfile CPU =
      new CpuProfile(
          new CpuidTable(
              List.of(
                  new CpuidTable.Entry(0, 0, 0, 0x1f, 0x756e6547, 0x6c65746e, 0x49656e69),
                  new CpuidTable.Entry(1, 0, 0, 0x806f8, 0x10800, -1, -1),
                  new CpuidTable.Entry(0xd, 0, 1, 0x2e7, 576, 2696, 0),
                  new CpuidTable.Entry(0xd, 9, 1, 8, 2688, 0, 0),
                  new CpuidTable.Entry(0x80000008, 0, 0, 0x302e, -1, 0x7000, 0))),
          List.of(0x10, 0xc0000081),
          Map.of(0x10a, 0x400000000c08e0ebL),
          Map.of("XSAVE", 4096, "LAPIC", 1024));

  private static byte[] encoded(Optional<CpuProfile> cpu) {
    StateWriter writer = new StateWriter();
    CpuFields.write(cpu, writer);
    return writer.toByteArray();
  }

  private static Optional<CpuProfile> decoded(byte[] bytes) throws IOException {
    StateReader reader = new StateReader("CONFIG", bytes);
    Optional<CpuProfile> cpu = CpuFields.read(reader);
    reader.end();
    return cpu;
  }

  @Test
  void aProcessorTravels() throws IOException {
    assertThat(decoded(encoded(Optional.of(CPU)))).contains(CPU);
    assertThat(decoded(encoded(Optional.empty()))).isEmpty();
  }

  /** What is out in the world cannot be changed any more. */
  @Test
  void theFormIsThatOfVersion6() {
    CpuProfile small =
        new CpuProfile(
            new CpuidTable(List.of(new CpuidTable.Entry(0xd, 2, 1, 3, 4, 5, 6))),
            List.of(0x10),
            Map.of(0x10a, 7L),
            Map.of("X", 8));
    StateWriter writer = new StateWriter();
    writer.u32(1).u32(0xd).u32(2).u32(1).u32(3).u32(4).u32(5).u32(6);
    writer.u32(1).u32(0x10);
    writer.u32(1).u32(0x10a).u64(7);
    writer.u32(1).string("X").u32(8);
    assertThat(encoded(Optional.of(small))).isEqualTo(writer.toByteArray());
  }

  @Test
  void nothingCanBeMissing() {
    byte[] bytes = encoded(Optional.of(CPU));
    for (int length = 0; length < bytes.length; length++) {
      byte[] truncated = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> decoded(truncated)).isInstanceOf(StateFormatException.class);
    }
  }

  @Test
  void hostileCountsAreRefused() {
    for (int count : new int[] {257, 1 << 30, -1}) {
      assertThatThrownBy(() -> decoded(new StateWriter().u32(count).toByteArray()))
          .isInstanceOf(StateFormatException.class)
          .hasMessageContaining("CPUID entry count is ");
    }
    for (int count : new int[] {4097, -1}) {
      assertThatThrownBy(() -> decoded(new StateWriter().u32(0).u32(count).toByteArray()))
          .isInstanceOf(StateFormatException.class)
          .hasMessageContaining("MSR count is ");
      assertThatThrownBy(() -> decoded(new StateWriter().u32(0).u32(0).u32(count).toByteArray()))
          .isInstanceOf(StateFormatException.class)
          .hasMessageContaining("feature MSR count is ");
    }
    assertThatThrownBy(() -> decoded(new StateWriter().u32(0).u32(0).u32(0).u32(65).toByteArray()))
        .isInstanceOf(StateFormatException.class);
  }

  @Test
  void nothingComesTwiceOrWithoutAProcessor() {
    StateWriter twice = new StateWriter().u32(0).u32(0).u32(2).u32(0x10a).u64(1).u32(0x10a).u64(2);
    assertThatThrownBy(() -> decoded(twice.u32(0).toByteArray()))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("feature MSR 0x10a twice");
    StateWriter kinds = new StateWriter().u32(0).u32(0).u32(0).u32(2);
    kinds.string("X").u32(1).string("X").u32(1);
    assertThatThrownBy(() -> decoded(kinds.toByteArray()))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("state kind 'X' twice");
    byte[] msrs = new StateWriter().u32(0).u32(1).u32(0x10).u32(0).u32(0).toByteArray();
    assertThatThrownBy(() -> decoded(msrs))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("without CPUID");
  }

  /** Whatever a peer says is refused, or compared with an answer that a terminal can show. */
  @Test
  void anyBytesAreComparedOrRefused() {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    byte[] bytes = encoded(Optional.of(CPU));
    int compared = 0;
    for (int round = 0; round < 5000; round++) {
      byte[] changed = bytes.clone();
      for (int i = 1 + random.nextInt(6); i > 0; i--) {
        changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
      }
      try {
        Optional<CpuProfile> read = decoded(changed);
        assertThat(encoded(read)).as("what was understood").isEqualTo(changed);
        Optional<String> refusal = read.flatMap(source -> CpuComparison.refusal(source, CPU));
        compared++;
        refusal.ifPresent(text -> assertThat(text).matches("[ -~]{1,4000}"));
      } catch (IOException e) {
        assertThat(e).isInstanceOf(StateFormatException.class);
      }
    }
    assertThat(compared).isPositive();
  }
}
