package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Where memory comes from and threads run, as the kernel says it. */
class PlacementTest {
  private static final long MIB = 1 << 20;

  private static void needsNuma() {
    assumeTrue(
        Files.exists(Path.of("/sys/devices/system/node/node0")), "this kernel has NUMA nodes");
  }

  @ParameterizedTest
  @EnumSource(NumaPolicy.Mode.class)
  void memoryHasThePolicyThatItWasGivenAndOtherMemoryHasNot(NumaPolicy.Mode mode) throws Exception {
    needsNuma();
    NumaPolicy policy = new NumaPolicy(mode, NumberSet.of(0));
    try (FileDescriptor file = Memfd.create("ballast-test", 8 * MIB, 0);
        Mapping anonymous = Mapping.anonymous(8 * MIB, false);
        Mapping shared = Mapping.shared(file, 0, 8 * MIB)) {
      for (Mapping mapping : new Mapping[] {anonymous, shared}) {
        policy.apply(mapping.segment(), 2 * MIB, 4 * MIB);
        assertThat(NumaPolicy.at(mapping.address() + 2 * MIB)).contains(policy);
        assertThat(NumaPolicy.at(mapping.address() + 6 * MIB - 4096)).contains(policy);
        assertThat(NumaPolicy.at(mapping.address())).isEmpty();
        assertThat(NumaPolicy.at(mapping.address() + 6 * MIB)).isEmpty();
        mapping.segment().fill((byte) 1);
        assertThat(mapping.segment().get(JAVA_BYTE, 3 * MIB)).isEqualTo((byte) 1);
      }
    }
  }

  @Test
  void aNodeThatTheHostDoesNotHaveIsRefused() throws Exception {
    needsNuma();
    assumeTrue(
        !Files.exists(Path.of("/sys/devices/system/node/node1000")), "there is no node 1000");
    try (Mapping mapping = Mapping.anonymous(2 * MIB, false)) {
      NumaPolicy policy = new NumaPolicy(NumaPolicy.Mode.BIND, NumberSet.of(1000));
      assertThatThrownBy(() -> policy.apply(mapping.segment(), 0, 2 * MIB))
          .isInstanceOf(ErrnoException.class)
          .hasMessageContaining("mbind: EINVAL", "BIND of the host's nodes 1000");
      assertThatThrownBy(() -> policy.apply(mapping.segment(), MIB, 2 * MIB))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void policiesThatCannotBeAreRefused() {
    NumberSet two = NumberSet.of(0, 1);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new NumaPolicy(NumaPolicy.Mode.PREFERRED, two));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new NumaPolicy(NumaPolicy.Mode.BIND, NumberSet.NONE));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new NumaPolicy(NumaPolicy.Mode.BIND, NumberSet.of(1024)));
  }

  @Test
  void aThreadRunsOnlyWhereItMay() throws Exception {
    int tid = ThreadKick.currentThreadId();
    NumberSet all = ThreadAffinity.get(tid);
    assertThat(all.isEmpty()).isFalse();
    NumberSet last = NumberSet.of(all.end() - 1);
    try {
      ThreadAffinity.set(tid, last);
      assertThat(ThreadAffinity.get(tid)).isEqualTo(last);
    } finally {
      ThreadAffinity.set(tid, all);
    }
    assertThat(ThreadAffinity.get(tid)).isEqualTo(all);
  }

  @Test
  void aThreadThatMayRunNowhereIsRefused() {
    int tid = ThreadKick.currentThreadId();
    assertThatThrownBy(() -> ThreadAffinity.set(tid, NumberSet.of(ThreadAffinity.MAX_CPUS - 1)))
        .isInstanceOf(ErrnoException.class)
        .hasMessageContaining("sched_setaffinity: EINVAL");
    assertThatThrownBy(() -> ThreadAffinity.set(tid, NumberSet.NONE))
        .hasMessageContaining("sched_setaffinity: EINVAL");
    assertThatThrownBy(() -> ThreadAffinity.set(Integer.MAX_VALUE, NumberSet.of(0)))
        .hasMessageContaining("ESRCH");
  }
}
