package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import org.junit.jupiter.api.Test;

class KvmExitTest {
  @Test
  void everyReasonHasItsOwnName() throws Exception {
    int reasons = 0;
    for (Field field : KvmExit.class.getFields()) {
      String name = field.getName();
      if (!name.startsWith("INTERNAL_ERROR_")) {
        assertThat(KvmExit.name(field.getInt(null))).isEqualTo(name);
        reasons++;
      }
    }
    assertThat(reasons).isGreaterThan(20);
    assertThat(KvmExit.name(999)).isEqualTo("exit 999");
  }
}
