package dev.ballast.ffi.layout;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * JNA, which knows nothing of jextract or of the headers, lays the structs of the KVM API out
 * alike.
 */
class JnaLayoutTest {
  static Stream<JnaStructs.Base> structs() {
    return Stream.of(
        new JnaStructs.kvm_userspace_memory_region(),
        new JnaStructs.kvm_pit_config(),
        new JnaStructs.kvm_irq_level(),
        new JnaStructs.kvm_msi(),
        new JnaStructs.kvm_irqfd(),
        new JnaStructs.kvm_ioeventfd(),
        new JnaStructs.kvm_dirty_log(),
        new JnaStructs.kvm_clear_dirty_log(),
        new JnaStructs.kvm_enable_cap(),
        new JnaStructs.kvm_clock_data(),
        new JnaStructs.kvm_regs(),
        new JnaStructs.kvm_segment(),
        new JnaStructs.kvm_dtable(),
        new JnaStructs.kvm_sregs(),
        new JnaStructs.kvm_msr_entry(),
        new JnaStructs.kvm_cpuid_entry2(),
        new JnaStructs.boot_e820_entry(),
        new JnaStructs.vring_desc(),
        new JnaStructs.vring_used_elem());
  }

  @ParameterizedTest
  @MethodSource("structs")
  void jnaComputesTheSameOffsets(JnaStructs.Base struct) throws Exception {
    Class<?> generated = GeneratedCode.struct(struct.getClass().getSimpleName());
    Map<String, Long> expected = new LinkedHashMap<>();
    for (String field : struct.fieldNames()) {
      expected.put(field, (long) struct.offsetOf(field));
    }
    Map<String, Long> actual = new LinkedHashMap<>();
    for (String field : struct.fieldNames()) {
      actual.put(field, (Long) generated.getMethod(field + "$offset").invoke(null));
    }
    assertThat(actual).isNotEmpty().isEqualTo(expected);
    assertThat(generated.getMethod("sizeof").invoke(null)).isEqualTo((long) struct.size());
  }
}
