package dev.ballast.ffi.layout;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.KvmExit;
import dev.ballast.ffi.kvm.KvmRun;
import dev.ballast.ffi.linux.Errno;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.StructLayout;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Whatever number Java uses for a struct, an ioctl or a constant is the one in this machine's
 * headers.
 */
class SystemHeaderDriftTest {
  private Path cc = Path.of("cc");

  @BeforeEach
  void findCompiler() {
    Optional<Path> found = SystemHeaders.compiler();
    assumeTrue(found.isPresent(), "no C compiler called cc on PATH");
    cc = found.orElseThrow();
  }

  @Test
  void generatedStructsAreTheSystems() throws Exception {
    List<String> assertions = new ArrayList<>();
    GeneratedCode.structs().forEach((name, layout) -> struct(name, layout, assertions));
    assertThat(assertions).hasSizeGreaterThan(200);
    assertThat(SystemHeaders.check(cc, assertions)).isEmpty();
  }

  @Test
  void generatedConstantsAreTheSystems() throws Exception {
    List<String> assertions = new ArrayList<>();
    GeneratedCode.constants().forEach((name, value) -> assertions.add(equal(name, value)));
    assertThat(assertions).hasSizeGreaterThan(200);
    assertThat(SystemHeaders.check(cc, assertions)).isEmpty();
  }

  @Test
  void constantsWrittenByHandAreTheSystems() throws Exception {
    List<String> assertions = new ArrayList<>();
    for (Field field : constants(Errno.class)) {
      assertions.add(equal(field.getName(), field.getInt(null)));
    }
    for (Field field : constants(KvmExit.class)) {
      String name = field.getName();
      boolean exit = !name.startsWith("INTERNAL_ERROR_");
      assertions.add(ifDefined((exit ? "KVM_EXIT_" : "KVM_") + name, field.getInt(null)));
    }
    for (Capability capability : Capability.values()) {
      assertions.add(ifDefined("KVM_CAP_" + capability.name(), capability.number()));
    }
    // eventfd(2) is called with the flags of open(2).
    assertions.add("#include <sys/eventfd.h>");
    assertions.add("_Static_assert(EFD_CLOEXEC == O_CLOEXEC && EFD_NONBLOCK == O_NONBLOCK, \"\");");
    assertions.add(equal("KVM_EXIT_IO_IN", KvmRun.IO_IN));
    assertions.add(equal("KVM_EXIT_IO_OUT", KvmRun.IO_OUT));
    assertThat(SystemHeaders.check(cc, assertions)).isEmpty();
  }

  @Test
  void driftIsFound() throws Exception {
    GroupLayout shifted =
        MemoryLayout.structLayout(JAVA_INT.withName("gsi"), JAVA_INT.withName("fd"))
            .withName("kvm_irqfd");
    List<String> assertions = new ArrayList<>();
    struct("kvm_irqfd", shifted, assertions);
    assertions.add(equal("KVM_RUN", 0));
    assertThat(SystemHeaders.check(cc, assertions))
        .contains("Java has offsetof(struct kvm_irqfd, fd) = 4")
        .contains("Java has sizeof(struct kvm_irqfd) = 8")
        .contains("Java has KVM_RUN = 0");
  }

  private static void struct(String name, GroupLayout layout, List<String> assertions) {
    assertions.add(equal("sizeof(struct " + name + ")", layout.byteSize()));
    members(name, layout, 0, "", assertions);
  }

  private static void members(
      String struct, GroupLayout group, long base, String prefix, List<String> assertions) {
    long offset = base;
    for (MemoryLayout member : group.memberLayouts()) {
      String name = member.name().orElse("");
      if (name.startsWith("$anon$")) {
        members(struct, (GroupLayout) member, offset, prefix, assertions);
      } else if (!(member instanceof PaddingLayout)) {
        String path = prefix + name;
        assertions.add(equal("offsetof(struct " + struct + ", " + path + ")", offset));
        assertions.add(
            equal("sizeof(((struct " + struct + " *) 0)->" + path + ")", member.byteSize()));
      }
      if (group instanceof StructLayout) {
        offset += member.byteSize();
      }
    }
  }

  private static List<Field> constants(Class<?> type) {
    List<Field> constants = new ArrayList<>();
    for (Field field : type.getFields()) {
      if (field.getType() == int.class && Modifier.isStatic(field.getModifiers())) {
        constants.add(field);
      }
    }
    return constants;
  }

  private static String equal(String expression, long value) {
    return "_Static_assert((%s) == %dL, \"Java has %s = %d\");"
        .formatted(expression, value, expression, value);
  }

  /** For macros that older headers than Java's do not have. */
  private static String ifDefined(String macro, long value) {
    return "#ifdef " + macro + "\n" + equal(macro, value) + "\n#endif";
  }
}
