package dev.ballast.tools.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.domain.JavaMethodCall;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.ballast.ffi.kvm.KvmRun;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.libc.IoCalls;
import dev.ballast.vmm.bus.Bus;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** An ordinary exit crosses into native code once: for KVM_RUN. */
class ExitPathTest {
  private static final String NATIVE = IoCalls.class.getPackageName();

  /** What an exit goes through, up to the device. */
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .importClasses(VcpuThread.class, Bus.class, KvmVcpu.class, KvmRun.class, IoCalls.class);

  @Test
  void anExitCrossesIntoNativeCodeOnce() {
    JavaMethod step = CLASSES.get(VcpuThread.class).getMethod("step");
    List<String> crossings = new ArrayList<>();
    Set<JavaCodeUnit> seen = new HashSet<>(Set.of(step));
    Deque<JavaCodeUnit> left = new ArrayDeque<>(seen);
    while (!left.isEmpty()) {
      for (JavaMethodCall call : left.remove().getMethodCallsFromSelf()) {
        if (call.getTargetOwner().getPackageName().equals(NATIVE)) {
          crossings.add(call.getOrigin().getFullName() + " -> " + call.getTarget().getName());
        } else if (!call.getTarget().getName().equals("dump")) {
          // The registers of a guest that cannot go on are read: that is the end of the loop.
          call.getTarget().resolveMember().filter(seen::add).ifPresent(left::add);
        }
      }
    }
    assertThat(seen)
        .extracting(JavaCodeUnit::getName)
        .as("the walk went from the loop to the buses and to what KVM shares")
        .contains("dispatch", "portIo", "find", "ioData", "mmioData");
    assertThat(crossings).containsExactly(KvmVcpu.class.getName() + ".run() -> ioctl");
  }
}
