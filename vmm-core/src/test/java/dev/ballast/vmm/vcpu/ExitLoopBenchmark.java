package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.vmm.bus.Bus;
import dev.ballast.vmm.bus.BusDevice;
import java.io.IOException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One exit of a guest that accesses a device for ever: over a vCPU's thread and the buses, beside a
 * loop around KVM_RUN that looks at nothing.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@OperationsPerInvocation(ExitLoopBenchmark.EXITS)
public class ExitLoopBenchmark {
  static final int EXITS = 2_000;

  /** How the guest accesses the device. */
  public enum Access {
    PIO,
    MMIO;

    private byte[] code() {
      return switch (this) {
        case PIO -> EndlessGuest.PORT_IO;
        case MMIO -> EndlessGuest.MEMORY_IO;
      };
    }
  }

  /** A guest that a vCPU's thread runs. */
  @State(Scope.Thread)
  @SuppressWarnings("NullAway.Init") // the harness sets parameters and calls what is to be set up
  public static class Running implements BusDevice {
    @Param Access access;
    private final Semaphore done = new Semaphore(0);
    private EndlessGuest guest;
    private VcpuThread thread;
    private int left;

    /** Starts the thread; it is parked. */
    @Setup
    public void start() throws IOException {
      Bus pio = new Bus("pio");
      pio.add(EndlessGuest.PORT, 2, this);
      Bus mmio = new Bus("mmio");
      mmio.add(EndlessGuest.ADDRESS, 0x1000, this);
      guest = new EndlessGuest(access.code());
      thread =
          new VcpuThread(
              guest.vcpu(),
              pio,
              mmio,
              guest.memory(),
              exit -> {
                throw new IllegalStateException(exit.toString());
              });
    }

    @Override
    public long read(long offset, int size) {
      count();
      return 0;
    }

    @Override
    public void write(long offset, int size, long value) {
      count();
    }

    private void count() {
      if (--left == 0) {
        thread.requestPause();
        done.release();
      }
    }

    /** Ends the guest. */
    @TearDown
    public void close() {
      thread.close();
      guest.close();
    }
  }

  /** A guest that nothing but KVM_RUN is called for. */
  @State(Scope.Thread)
  @SuppressWarnings("NullAway.Init") // the harness sets parameters and calls what is to be set up
  public static class Bare {
    @Param Access access;
    private EndlessGuest guest;

    /** Makes it. */
    @Setup
    public void start() throws IOException {
      guest = new EndlessGuest(access.code());
    }

    /** Ends it. */
    @TearDown
    public void close() {
      guest.close();
    }
  }

  @Benchmark
  public void vcpuThread(Running running) {
    running.left = EXITS;
    running.thread.resume();
    running.done.acquireUninterruptibly();
    running.thread.awaitParked();
  }

  @Benchmark
  public int limitOnlyRun(Bare bare) {
    KvmVcpu vcpu = bare.guest.vcpu();
    int failed = 0;
    for (int i = 0; i < EXITS; i++) {
      failed |= vcpu.run();
    }
    if (failed != 0) {
      throw new IllegalStateException("KVM_RUN failed");
    }
    return failed;
  }
}
