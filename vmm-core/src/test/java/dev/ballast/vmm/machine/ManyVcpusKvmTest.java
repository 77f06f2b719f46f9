package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.MsrTable;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How many vCPUs there may be, what they start with, and what is done on their threads. */
@Tag("kvm")
@Timeout(120)
class ManyVcpusKvmTest extends TinyGuestFixture {
  private static final int MISC_ENABLE = 0x1a0;
  private static final int MTRR_DEF_TYPE = 0x2ff;

  private MachineConfig config(int vcpus, int... code) throws IOException {
    MachineConfig one = config(Optional.of(kernel(code)));
    return new MachineConfig(
        one.kvm(), RamConfig.anonymous(MEMORY), vcpus, one.kernel(), new TestConsole());
  }

  @Test
  void moreThanKvmTakesAreRefusedWithItsNumbers() throws Exception {
    int most;
    int recommended;
    try (Kvm kvm = Kvm.open()) {
      most = kvm.checkExtension(Capability.MAX_VCPUS);
      recommended = kvm.checkExtension(Capability.NR_VCPUS);
    }
    assertThatThrownBy(() -> machine(config(most + 1, COUNTER)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining((most + 1) + " vCPUs are too many")
        .hasMessageContaining("takes " + most + " ")
        .hasMessageContaining("recommends " + recommended + " ");
  }

  @Test
  void everyVcpuHasTheMsrsThatFirmwareSetsAlsoAfterAReset() throws Exception {
    try (Machine machine = machine(config(3, COUNTER))) {
      checkBootMsrs(machine);
      machine.resume();
      awaitProgress(machine);
      machine.pause();
      for (VcpuThread thread : machine.vcpuThreads()) {
        thread
            .vcpu()
            .setMsrs(new MsrTable(new int[] {MTRR_DEF_TYPE, MISC_ENABLE}, new long[] {0, 0}));
      }
      machine.reset();
      checkBootMsrs(machine);
    }
  }

  private static void checkBootMsrs(Machine machine) throws IOException {
    for (VcpuThread thread : machine.vcpuThreads()) {
      KvmVcpu vcpu = thread.vcpu();
      MsrTable msrs = vcpu.getMsrs(new int[] {MISC_ENABLE, MTRR_DEF_TYPE});
      assertThat(msrs.find(MTRR_DEF_TYPE)).isEqualTo(OptionalLong.of(0x806));
      assertThat(msrs.find(MISC_ENABLE).orElseThrow() & 1).isEqualTo(1);
    }
  }

  /** What is written to MTRRs is not in KVM's own list of MSRs. */
  @Test
  void memoryTypesMove() throws Exception {
    int[] range = {0x200, 0x201};
    long[] values = {0xc000_0000L, 0xf_c000_0800L};
    try (Machine source = machine(config(2, COUNTER));
        Machine destination = machine(config(2, COUNTER).asDestination())) {
      source.vcpuThreads().getLast().vcpu().setMsrs(new MsrTable(range, values));
      Sections.move(source, destination);
      MsrTable there = destination.vcpuThreads().getLast().vcpu().getMsrs(range);
      assertThat(there.find(0x200)).isEqualTo(OptionalLong.of(values[0]));
      assertThat(there.find(0x201)).isEqualTo(OptionalLong.of(values[1]));
    }
  }

  private static long rip(VcpuThread thread) throws Exception {
    CompletableFuture<Long> rip = new CompletableFuture<>();
    CompletableFuture<Thread> on = new CompletableFuture<>();
    thread.execute(
        () -> {
          on.complete(Thread.currentThread());
          try {
            rip.complete(thread.vcpu().regs().rip());
          } catch (IOException e) {
            rip.completeExceptionally(e);
          }
        });
    assertThat(on.get(30, TimeUnit.SECONDS).getName()).isEqualTo("vcpu" + thread.vcpu().id());
    return rip.get(30, TimeUnit.SECONDS);
  }

  @Test
  void aTaskRunsOnTheVcpusThreadAndTheGuestGoesOn() throws Exception {
    List<VcpuThread> threads;
    try (Machine machine = machine(config(2, COUNTER))) {
      threads = machine.vcpuThreads();
      long start = rip(threads.getFirst());
      machine.resume();
      awaitProgress(machine);
      for (int i = 0; i < 100; i++) {
        assertThat(rip(threads.getFirst())).isBetween(start, start + COUNTER.length);
        rip(threads.getLast());
      }
      awaitProgress(machine);
      machine.pause();
      int stopped = word(machine, WORD);
      rip(threads.getFirst());
      rip(threads.getLast());
      assertThat(word(machine, WORD)).as("a paused guest stays paused").isEqualTo(stopped);
      machine.resume();
      awaitProgress(machine);
    }
    assertThatThrownBy(() -> threads.getFirst().execute(() -> {}))
        .isInstanceOf(RejectedExecutionException.class);
  }

  /** Pauses and resumes must neither be lost in a task nor undo it. */
  @Test
  void tasksPausesAndThrottlingDoNotGetInEachOthersWay() throws Exception {
    try (Machine machine = machine(config(2, COUNTER))) {
      machine.resume();
      machine.throttle(30);
      for (int i = 0; i < 50; i++) {
        CompletableFuture<Long> rehearsal =
            CompletableFuture.supplyAsync(
                () -> {
                  try {
                    return machine.rehearseSaving();
                  } catch (IOException e) {
                    throw new AssertionError(e);
                  }
                });
        machine.pause();
        int stopped = word(machine, WORD);
        assertThat(rehearsal.get(30, TimeUnit.SECONDS)).isPositive();
        assertThat(word(machine, WORD)).isEqualTo(stopped);
        machine.resume();
        awaitProgress(machine);
      }
    }
  }

  @Test
  void savingIsRehearsedWhileTheGuestRuns() throws Exception {
    Machine ended;
    try (Machine machine = machine(config(16, COUNTER))) {
      ended = machine;
      machine.resume();
      awaitProgress(machine);
      assertThat(machine.rehearseSaving()).isPositive();
      assertThat(machine.runState()).isEqualTo(RunState.RUNNING);
      awaitProgress(machine);
    }
    assertThatThrownBy(ended::rehearseSaving).hasMessageContaining("has ended");
  }
}
