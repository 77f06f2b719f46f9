package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmExit;
import dev.ballast.ffi.kvm.KvmRun;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.linux.Errno;
import dev.ballast.ffi.linux.ErrnoException;
import dev.ballast.ffi.linux.ThreadKick;
import dev.ballast.vmm.bus.Bus;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.thread.Threads;
import java.io.UncheckedIOException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A vCPU on its thread: enters the guest, hands its port and memory-mapped I/O to the buses, and
 * parks when told to. The path of an ordinary exit allocates nothing and takes no lock.
 *
 * <p>A kick (KVM API §5, {@code immediate_exit}) is a flag that KVM_RUN looks at before it enters
 * the guest, and a signal that makes it leave: together they leave no window.
 */
public final class VcpuThread implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(VcpuThread.class);

  private enum Order {
    RUN,
    PAUSE,
    END
  }

  private final KvmVcpu vcpu;
  private final KvmRun run;
  private final Bus pio;
  private final Bus mmio;
  private final GuestMemory memory;
  private final Consumer<VcpuExit> onTerminalExit;
  private final Thread thread;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private volatile Order order = Order.PAUSE;
  private boolean parked;
  private volatile int threadId;

  /** How long to stay out of the guest from the next exit on, in nanoseconds; 0 does not. */
  private volatile long napNanos;

  private @Nullable VcpuExit terminal;

  /**
   * Makes the thread; it parks at once.
   *
   * @param vcpu the vCPU; closed by this
   * @param pio port I/O
   * @param mmio memory-mapped I/O
   * @param memory for register dumps
   * @param onTerminalExit told once, on the vCPU's thread, when the vCPU cannot go on; must not
   *     block
   */
  public VcpuThread(
      KvmVcpu vcpu, Bus pio, Bus mmio, GuestMemory memory, Consumer<VcpuExit> onTerminalExit) {
    this.vcpu = vcpu;
    this.run = vcpu.runPage();
    this.pio = pio;
    this.mmio = mmio;
    this.memory = memory;
    this.onTerminalExit = onTerminalExit;
    this.thread = Thread.ofPlatform().name("vcpu" + vcpu.id()).unstarted(this::loop);
    thread.start();
  }

  /** Returns the host's id of the thread (gettid), or 0 before it started. */
  public int threadId() {
    return threadId;
  }

  /** Returns the vCPU. Its registers may be touched only while the thread is parked. */
  public KvmVcpu vcpu() {
    return vcpu;
  }

  /** Lets the guest run. Has no effect on a vCPU that cannot go on. */
  public void resume() {
    lock.lock();
    try {
      if (order == Order.PAUSE && terminal == null) {
        run.immediateExit((byte) 0);
        napNanos = 0;
        order = Order.RUN;
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Forgets that the vCPU could not go on: it was reset, or took over another state. */
  public void clearTerminalExit() {
    lock.lock();
    try {
      terminal = null;
    } finally {
      lock.unlock();
    }
  }

  /** Asks the vCPU to leave the guest and park; does not wait. Any thread, its own too. */
  public void requestPause() {
    command(Order.PAUSE);
  }

  /**
   * Makes the vCPU leave the guest and stay out for a while; whatever it is asked for meanwhile
   * ends that at once. Does not wait; has no effect on a vCPU that does not run. Any thread.
   *
   * @param nanos how long; 0 ends a nap that is under way
   */
  public void nap(long nanos) {
    lock.lock();
    try {
      if (order == Order.RUN) {
        boolean wake = napNanos != 0;
        napNanos = nanos;
        if (nanos > 0 && !wake) {
          run.immediateExit((byte) 1);
          if (threadId != 0) {
            kick();
          }
        } else if (nanos == 0) {
          // The vCPU may not have seen the nap yet, and would never clear what it then finds set.
          run.immediateExit((byte) 0);
        }
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until the vCPU is parked: its instruction is complete and its registers are consistent.
   */
  public void awaitParked() {
    lock.lock();
    try {
      while (!parked) {
        changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  private void command(Order next) {
    lock.lock();
    try {
      if (order == Order.END) {
        return;
      }
      order = next;
      if (!parked) {
        run.immediateExit((byte) 1);
        if (threadId != 0 && Thread.currentThread() != thread) {
          kick();
        }
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void kick() {
    try {
      ThreadKick.kick(threadId);
    } catch (ErrnoException e) {
      // ESRCH: the thread is gone, and with it the guest it would have to leave.
      if (e.errno() != Errno.ESRCH) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void loop() {
    try {
      threadId = ThreadKick.currentThreadId();
      while (park()) {
        runUntilTold();
      }
    } finally {
      // Nobody shall wait for a thread that is gone.
      lock.lock();
      try {
        parked = true;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  private void runUntilTold() {
    try {
      while (order == Order.RUN) {
        VcpuExit exit = step();
        if (exit != null) {
          stopWith(exit);
        }
        if (napNanos != 0) {
          takeNap();
        }
      }
      completeInstruction();
    } catch (RuntimeException | Error e) {
      // The machine first: to log may fail as well, and it would run on without this vCPU.
      stopWith(new VcpuExit.Defect(vcpu.id(), e.toString(), dump()));
      LOG.error("vCPU {}: a defect of this program", vcpu.id(), e);
    }
  }

  private void takeNap() {
    lock.lock();
    try {
      long end = System.nanoTime() + napNanos;
      long left = napNanos;
      while (order == Order.RUN && napNanos != 0 && left > 0) {
        changed.awaitNanos(left);
        left = end - System.nanoTime();
      }
    } catch (InterruptedException e) {
      // Nobody interrupts a vCPU's thread: a nap that ends early only makes the guest faster.
      Thread.currentThread().interrupt();
    } finally {
      napNanos = 0;
      if (order == Order.RUN) {
        run.immediateExit((byte) 0);
      }
      lock.unlock();
    }
  }

  /** Waits for an order; returns whether it is to run. */
  private boolean park() {
    lock.lock();
    try {
      parked = true;
      changed.signalAll();
      while (order == Order.PAUSE) {
        changed.awaitUninterruptibly();
      }
      parked = order == Order.END;
      return order == Order.RUN;
    } finally {
      lock.unlock();
    }
  }

  private void stopWith(VcpuExit exit) {
    lock.lock();
    try {
      terminal = exit;
      if (order == Order.RUN) {
        order = Order.PAUSE;
      }
    } finally {
      lock.unlock();
    }
    onTerminalExit.accept(exit);
  }

  /**
   * Registers are right only once KVM has seen the answer to a port or MMIO read: enters until KVM
   * says that it was told not to (EINTR).
   */
  private void completeInstruction() {
    if (terminal != null) {
      return;
    }
    run.immediateExit((byte) 1);
    while (true) {
      int result = vcpu.run();
      if (result < 0) {
        return;
      }
      VcpuExit exit = dispatch();
      if (exit != null) {
        stopWith(exit);
        return;
      }
    }
  }

  private @Nullable VcpuExit step() {
    int result = vcpu.run();
    if (result < 0) {
      // EAGAIN: an application processor that waits for its start-up IPI was woken.
      return result == -Errno.EINTR || result == -Errno.EAGAIN
          ? null
          : new VcpuExit.HostError(vcpu.id(), -result, dump());
    }
    return dispatch();
  }

  private @Nullable VcpuExit dispatch() {
    switch (run.exitReason()) {
      case KvmExit.IO -> {
        portIo();
        return null;
      }
      case KvmExit.MMIO -> {
        if (run.mmioIsWrite()) {
          mmio.write(run.mmioAddress(), run.mmioLength(), run.mmioData());
        } else {
          run.mmioData(mmio.read(run.mmioAddress(), run.mmioLength()));
        }
        return null;
      }
      case KvmExit.INTR, KvmExit.IRQ_WINDOW_OPEN, KvmExit.HLT -> {
        return null;
      }
      case KvmExit.SHUTDOWN -> {
        return new VcpuExit.TripleFault(vcpu.id(), dump());
      }
      case KvmExit.INTERNAL_ERROR -> {
        return new VcpuExit.KvmInternalError(vcpu.id(), run.internalSuberror(), dump());
      }
      case KvmExit.FAIL_ENTRY -> {
        return new VcpuExit.FailEntry(vcpu.id(), run.failEntryReason(), dump());
      }
      default -> {
        return new VcpuExit.Unexpected(vcpu.id(), run.exitReason(), dump());
      }
    }
  }

  private void portIo() {
    int port = run.ioPort();
    int size = run.ioSize();
    int count = run.ioCount();
    boolean out = run.ioDirection() == KvmRun.IO_OUT;
    for (int i = 0; i < count; i++) {
      if (out) {
        pio.write(port, size, Integer.toUnsignedLong(run.ioData(i)));
      } else {
        run.ioData(i, (int) pio.read(port, size));
      }
    }
  }

  private RegisterDump dump() {
    return RegisterDump.of(vcpu, memory);
  }

  /** Leaves the guest for good, joins the thread and closes the vCPU. */
  @Override
  public void close() {
    command(Order.END);
    Threads.joinUninterruptibly(thread);
    vcpu.close();
  }
}
