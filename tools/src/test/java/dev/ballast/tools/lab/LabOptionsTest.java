package dev.ballast.tools.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a lab can have depends on what emulates its CPU. */
class LabOptionsTest {
  @ParameterizedTest
  @EnumSource
  void whatIsNotSaidIsPossible(LabCpu cpu) {
    assertThat(LabOptions.defaults(cpu).cpu()).isEqualTo(cpu);
  }

  @Test
  void bochsHasOneCpuAndLittleMemory() {
    LabOptions intel = LabOptions.defaults(LabCpu.INTEL);
    assertThatThrownBy(() -> intel.withCpus(2))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("the lab cannot have 2 Intel CPUs: Bochs emulates 1 to 1");
    assertThatThrownBy(() -> intel.withMemoryMib(3072))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "the lab cannot have 3072 MiB of memory with an Intel CPU: with Bochs it has 512 to 1400");
  }
}
