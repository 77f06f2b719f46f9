package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.layout.SystemHeaders;
import java.lang.foreign.MemoryLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Device attributes are written by hand: the system's headers must say the same. */
class DeviceAttributeDriftTest {
  @Test
  void isTheSystems() throws Exception {
    Optional<Path> cc = SystemHeaders.compiler();
    assumeTrue(cc.isPresent(), "no C compiler called cc on PATH");
    List<String> assertions = new ArrayList<>();
    assertions.add(equal("KVM_SET_DEVICE_ATTR", DeviceAttribute.KVM_SET_DEVICE_ATTR));
    assertions.add(equal("KVM_GET_DEVICE_ATTR", DeviceAttribute.KVM_GET_DEVICE_ATTR));
    assertions.add(equal("KVM_HAS_DEVICE_ATTR", DeviceAttribute.KVM_HAS_DEVICE_ATTR));
    assertions.add(equal("KVM_VCPU_TSC_CTRL", DeviceAttribute.TSC_OFFSET.group));
    assertions.add(equal("KVM_VCPU_TSC_OFFSET", DeviceAttribute.TSC_OFFSET.attribute));
    String struct = "struct kvm_device_attr";
    assertions.add(equal("sizeof(" + struct + ")", DeviceAttribute.KVM_DEVICE_ATTR.byteSize()));
    long offset = 0;
    for (MemoryLayout member : DeviceAttribute.KVM_DEVICE_ATTR.memberLayouts()) {
      assertions.add(
          equal("offsetof(" + struct + ", " + member.name().orElseThrow() + ")", offset));
      offset += member.byteSize();
    }
    assertThat(SystemHeaders.check(cc.get(), assertions)).isEmpty();
  }

  private static String equal(String expression, long value) {
    return "_Static_assert((" + expression + ") == " + value + "L, \"" + expression + "\");";
  }
}
