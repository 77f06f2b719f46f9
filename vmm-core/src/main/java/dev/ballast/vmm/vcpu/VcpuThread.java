package dev.ballast.vmm.vcpu;

import dev.ballast.ffi.kvm.KvmExit;
import dev.ballast.ffi.kvm.KvmRun;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.linux.Errno;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.bus.Bus;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.thread.Threads;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A vCPU on its thread: enters the guest and hands its port and memory-mapped I/O to the buses. The
 * path of an ordinary exit allocates nothing and takes no lock of its own. As an executor it
 * carries out tasks on that thread.
 */
public final class VcpuThread implements Executor, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(VcpuThread.class);

  private final KvmVcpu vcpu;
  private final KvmRun run;
  private final Bus pio;
  private final Bus mmio;
  private final GuestMemory memory;
  private final Consumer<VcpuExit> onTerminalExit;
  private final VcpuRunControl control;
  private final Thread thread;

  /**
   * Starts the thread, which parks at once.
   *
   * @param vcpu the vCPU; closed by this
   * @param pio port I/O
   * @param mmio memory-mapped I/O
   * @param memory for register dumps
   * @param onTerminalExit called once, on the vCPU's thread, when the vCPU cannot go on; must not
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
    this.control = new VcpuRunControl(run);
    this.thread = Thread.ofPlatform().name("vcpu" + vcpu.id()).unstarted(this::loop);
    thread.start();
  }

  /** Returns the host's id of the thread (gettid), or 0 before it started. */
  public int threadId() {
    return control.threadId();
  }

  /** Returns the vCPU. Its registers may be touched only while the thread is parked. */
  public KvmVcpu vcpu() {
    return vcpu;
  }

  /** Resumes the guest. Has no effect on a vCPU that cannot go on. Any thread. */
  public void resume() {
    control.resume();
  }

  /** Clears a terminal exit, after the vCPU was reset or its state was loaded. */
  public void clearTerminalExit() {
    control.clearTerminated();
  }

  /** Asks the vCPU to leave the guest and park; does not wait. Any thread, its own too. */
  public void requestPause() {
    control.requestPause();
  }

  /**
   * Makes the vCPU leave the guest and stay out for a while; a pause or an end that is requested
   * meanwhile cuts that short. Does not wait; has no effect on a vCPU that does not run. Any
   * thread.
   *
   * @param nanos how long; 0 ends a throttle pause that is under way
   */
  public void throttlePause(long nanos) {
    control.throttlePause(nanos);
  }

  /**
   * Waits until the vCPU is parked: its instruction is complete and its registers are consistent.
   */
  public void awaitParked() {
    control.awaitParked();
  }

  /**
   * Has the vCPU's thread carry out a task outside of the guest, with the instruction complete and
   * the registers consistent: at once if it is parked; else the guest leaves, and goes on after the
   * task. KVM reads and sets a vCPU's state faster there than on another thread, which on Intel has
   * to fetch it from the processor where it ran last. Does not wait. Any thread.
   *
   * @param task must not throw, nor wait for this vCPU
   * @throws java.util.concurrent.RejectedExecutionException after {@link #close}
   */
  @Override
  public void execute(Runnable task) {
    control.execute(task);
  }

  private void loop() {
    try {
      control.attach();
      while (control.park()) {
        Runnable task = control.nextTask();
        if (task == null) {
          runGuest();
        } else {
          task.run();
        }
      }
    } finally {
      control.detach();
    }
  }

  private void runGuest() {
    try {
      while (control.isRunRequested()) {
        VcpuExit exit = step();
        if (exit != null) {
          stopWith(exit);
        }
        control.awaitThrottlePause();
      }
      completeInstruction();
    } catch (RuntimeException | Error e) {
      // Stop the machine first: logging may fail as well, and the machine would run on without this
      // vCPU.
      stopWith(new VcpuExit.Defect(vcpu.id(), e.toString(), dump()));
      log.error("vCPU {}: a defect of this program", vcpu.id(), e);
    }
  }

  private void stopWith(VcpuExit exit) {
    control.terminate();
    onTerminalExit.accept(exit);
  }

  /**
   * Registers are right only once KVM has seen the answer to a port or MMIO read: enters the guest
   * until KVM returns EINTR for {@code immediate_exit}.
   */
  private void completeInstruction() {
    if (control.isTerminated()) {
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
      return result == -Errno.EINTR || result == -Errno.EAGAIN ? null : failed(-result);
    }
    return dispatch();
  }

  private VcpuExit failed(int errno) {
    // With any other errno, the exit reason is that of an earlier exit (KVM API §5).
    boolean memory = errno == Errno.EFAULT || errno == Errno.EHWPOISON;
    if (memory && run.exitReason() == KvmExit.MEMORY_FAULT) {
      return new VcpuExit.MemoryFault(
          vcpu.id(), errno, run.memoryFaultAddress(), run.memoryFaultSize(), dump());
    }
    return new VcpuExit.HostError(vcpu.id(), errno, dump());
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
      case KvmExit.IOAPIC_EOI -> {
        mmio.write(AddressMap.IO_APIC_EOI, Integer.BYTES, run.eoiVector());
        return null;
      }
      case KvmExit.INTR, KvmExit.IRQ_WINDOW_OPEN, KvmExit.HLT -> {
        return null;
      }
      case KvmExit.SHUTDOWN -> {
        return new VcpuExit.TripleFault(vcpu.id(), dump());
      }
      case KvmExit.INTERNAL_ERROR -> {
        return new VcpuExit.KvmInternalError(
            vcpu.id(), run.internalSuberror(), internalData(), dump());
      }
      case KvmExit.FAIL_ENTRY -> {
        return new VcpuExit.FailEntry(vcpu.id(), run.failEntryReason(), run.failEntryCpu(), dump());
      }
      default -> {
        return new VcpuExit.Unexpected(vcpu.id(), run.exitReason(), dump());
      }
    }
  }

  private List<Long> internalData() {
    List<Long> data = new ArrayList<>();
    for (int i = 0; i < run.internalDataCount(); i++) {
      data.add(run.internalData(i));
    }
    return data;
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
    control.requestEnd();
    Threads.joinUninterruptibly(thread);
    vcpu.close();
  }
}
