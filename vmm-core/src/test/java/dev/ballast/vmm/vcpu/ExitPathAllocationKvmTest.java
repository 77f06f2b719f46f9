package dev.ballast.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.Allocation;
import dev.ballast.vmm.bus.Bus;
import dev.ballast.vmm.bus.BusDevice;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A vCPU's thread, from KVM_RUN over the buses to a device and back, leaves no garbage. */
@Tag("kvm")
class ExitPathAllocationKvmTest {
  private static final int EXITS = 10_000;

  private final Bus pio = new Bus("pio");
  private final Bus mmio = new Bus("mmio");
  private final CountingDevice device = new CountingDevice();
  private final List<VcpuExit> terminalExits = new CopyOnWriteArrayList<>();

  @Test
  void portIoAllocatesNothing() throws Exception {
    pio.add(EndlessGuest.PORT, 2, device);
    assertExitsAllocateNothing(EndlessGuest.PORT_IO);
  }

  @Test
  void memoryMappedIoAllocatesNothing() throws Exception {
    mmio.add(EndlessGuest.ADDRESS, 0x1000, device);
    assertExitsAllocateNothing(EndlessGuest.MEMORY_IO);
  }

  private void assertExitsAllocateNothing(byte[] code) throws Exception {
    EndlessGuest.assumeKvm();
    try (EndlessGuest guest = new EndlessGuest(code);
        VcpuThread vcpu =
            new VcpuThread(guest.vcpu(), pio, mmio, guest.memory(), terminalExits::add)) {
      vcpu.resume();
      Allocation.assertAtMost(0, device.awaitThread(), () -> device.awaitExits(EXITS));
    }
    assertThat(terminalExits).isEmpty();
    assertThat(device.reads).isCloseTo(device.writes, within(1L));
  }

  /** One thread accesses it, another waits for that. */
  @SuppressWarnings("NonAtomicVolatileUpdate") // only the vCPU's thread counts
  private static final class CountingDevice implements BusDevice {
    private volatile @Nullable Thread thread;
    private volatile long reads;
    private volatile long writes;

    @Override
    public long read(long offset, int size) {
      reads++;
      return reads;
    }

    @Override
    public void write(long offset, int size, long value) {
      thread = Thread.currentThread();
      writes++;
    }

    Thread awaitThread() {
      await().until(() -> thread != null);
      return Objects.requireNonNull(thread);
    }

    void awaitExits(long count) {
      long end = reads + writes + count;
      await().pollInterval(Duration.ofMillis(5)).until(() -> reads + writes >= end);
    }
  }
}
