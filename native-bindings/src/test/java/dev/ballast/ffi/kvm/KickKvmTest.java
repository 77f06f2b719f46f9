package dev.ballast.ffi.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ThreadKick;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A vCPU that would never exit by itself comes back when its thread is kicked. */
@Tag("kvm")
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KickKvmTest {
  @BeforeAll
  static void installHandler() throws Exception {
    ThreadKick.install();
    ThreadKick.install();
  }

  @Test
  void endlessLoopIsInterrupted() throws Exception {
    // out 0x10, al; jmp $
    try (RealModeGuest guest =
        RealModeGuest.with((byte) 0xe6, (byte) 0x10, (byte) 0xeb, (byte) -2)) {
      kickAfterTheFirstExit(guest);
    }
  }

  @Test
  void haltedVcpuIsInterruptedInTheKernel() throws Exception {
    // out 0x10, al; hlt; with an in-kernel interrupt controller the halt is the kernel's business
    byte[] code = {(byte) 0xe6, (byte) 0x10, (byte) 0xf4};
    try (RealModeGuest guest = RealModeGuest.with(code, 0, true)) {
      kickAfterTheFirstExit(guest);
    }
  }

  @Test
  void kickBeforeTheEntryIsNotLostWithImmediateExit() throws Exception {
    // out 0x10, al; jmp $
    try (RealModeGuest guest =
        RealModeGuest.with((byte) 0xe6, (byte) 0x10, (byte) 0xeb, (byte) -2)) {
      assertThat(guest.vcpu().run()).isZero();
      guest.vcpu().runPage().immediateExit((byte) 1);
      ThreadKick.kick(ThreadKick.currentThreadId());
      assertThat(guest.vcpu().run()).isEqualTo(-Errno.EINTR);
    }
  }

  /** Kicks until it works: a single kick may come before the vCPU's second entry. */
  private static void kickAfterTheFirstExit(RealModeGuest guest) throws Exception {
    KvmVcpu vcpu = guest.vcpu();
    CompletableFuture<Integer> running = new CompletableFuture<>();
    CompletableFuture<Integer> result = new CompletableFuture<>();
    CountDownLatch noMoreKicks = new CountDownLatch(1);
    FutureTask<Void> task =
        new FutureTask<>(
            () -> {
              assertThat(vcpu.run()).isZero();
              running.complete(ThreadKick.currentThreadId());
              result.complete(vcpu.run());
              noMoreKicks.await();
              return null;
            });
    Thread thread = Thread.ofPlatform().start(task);
    int tid = running.get(10, TimeUnit.SECONDS);
    await()
        .until(
            () -> {
              ThreadKick.kick(tid);
              return result.isDone();
            });
    noMoreKicks.countDown();
    thread.join();
    task.get();
    assertThat(result).isCompletedWithValue(-Errno.EINTR);
    assertThat(KvmExit.name(vcpu.runPage().exitReason())).isEqualTo("INTR");
    assertThat(vcpu.regs().rip()).isBetween(RealModeGuest.ENTRY + 2L, RealModeGuest.ENTRY + 3L);
  }
}
