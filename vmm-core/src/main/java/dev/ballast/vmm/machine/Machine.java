package dev.ballast.vmm.machine;

import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.vcpu.LocalApic;
import dev.ballast.vmm.vcpu.VcpuExit;
import dev.ballast.vmm.vcpu.VcpuSet;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A machine's life: it runs, stops, resets, migrates and ends. Every method may be called on any
 * thread but a vCPU's; one lock orders them.
 *
 * <p>What vCPUs cause (a reset, power off, a panic, a crash) parks all vCPUs at once and is then
 * carried out on the machine's control thread. Whoever stops the machine first carries it out as
 * well, so that a migration never takes a machine along that owes its guest a reset.
 *
 * <pre>
 *   prelaunch ──cont──► running ◄──cont/stop──► paused
 *                        │  ▲ reset
 *                        │  └── shutdown, guest-panicked, internal-error
 *   source:      running or paused ──► finish-migrate ──► postmigrate (or back)
 *   destination: inmigrate ──► running or paused, as the source was or as was asked for here
 * </pre>
 */
public final class Machine implements MigratableMachine, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Machine.class);

  /** What a vCPU caused and nobody has carried out yet. */
  private sealed interface Pending {
    record Reset() implements Pending {}

    record PowerOff() implements Pending {}

    record Panic() implements Pending {}

    record Crash(VcpuExit exit) implements Pending {}
  }

  private final Board board;
  private final VcpuSet vcpus;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Consumer<MachineEvent>> listeners = new CopyOnWriteArrayList<>();
  private final ExecutorService control =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().name("machine").factory());
  private final AtomicReference<@Nullable Pending> pending = new AtomicReference<>();
  private volatile RunState runState;

  /** What was asked for while the guest arrives or leaves; null when nothing was. */
  private @Nullable RunState wanted;

  private boolean closed;

  /**
   * Makes a machine in {@link RunState#PRELAUNCH}, or {@link RunState#INMIGRATE} for a destination.
   *
   * @param board the hardware; closed by this, also if this throws
   * @param incoming whether the guest will arrive by migration, rather than boot
   * @throws IOException if the guest cannot be loaded or KVM refuses its state or a vCPU
   */
  public Machine(Board board, boolean incoming) throws IOException {
    this.board = board;
    this.runState = incoming ? RunState.INMIGRATE : RunState.PRELAUNCH;
    try {
      this.vcpus = board.startVcpus(new VcpuCallbacks());
      if (!incoming) {
        board.boot();
      }
    } catch (IOException | RuntimeException | Error e) {
      board.close();
      control.shutdown();
      throw e;
    }
  }

  /** Reports what the guest did on a vCPU's thread: takes note, parks the vCPUs, and returns. */
  private final class VcpuCallbacks implements GuestEvents {
    @Override
    public void reset() {
      note(new Pending.Reset());
    }

    @Override
    public void powerOff() {
      note(new Pending.PowerOff());
    }

    @Override
    public void guestPanic(int events) {
      note(new Pending.Panic());
    }

    @Override
    public void crashed(VcpuExit exit) {
      note(new Pending.Crash(exit));
    }

    private void note(Pending what) {
      if (pending.compareAndSet(null, what)) {
        vcpus.requestPause();
        control.execute(Machine.this::carryOutPending);
      }
    }
  }

  /** Adds someone to be told; called on the thread that caused the event, and must not block. */
  public void addListener(Consumer<MachineEvent> listener) {
    listeners.add(listener);
  }

  private void emit(MachineEvent event) {
    listeners.forEach(listener -> listener.accept(event));
  }

  private void enter(RunState next) {
    RunState before = runState;
    runState = next;
    told(before);
  }

  private void told(RunState before) {
    if (before != runState) {
      emit(new MachineEvent.StateChanged(before, runState));
    }
  }

  @Override
  public RunState runState() {
    return runState;
  }

  /** Returns the hardware. */
  public Board board() {
    return board;
  }

  /** Returns the vCPUs, ordered by number. */
  public List<VcpuThread> vcpuThreads() {
    return vcpus.vcpus();
  }

  /** Returns guest RAM. */
  public GuestMemory memory() {
    return board.memory();
  }

  /**
   * Lets the guest run: QMP's {@code cont}. Has no effect when it runs. A guest that is to arrive
   * by migration will run then, even if it was stopped at the source.
   *
   * @throws IOException if KVM refuses
   * @throws IllegalStateException if the guest is leaving or gone, or must be reset first
   */
  public void resume() throws IOException {
    lock.lock();
    try {
      switch (runState) {
        case RUNNING -> {}
        case PAUSED, PRELAUNCH -> run();
        case INMIGRATE -> wanted = RunState.RUNNING;
        case FINISH_MIGRATE -> throw refusal("a migration is under way");
        case POSTMIGRATE -> throw refusal("the guest was migrated away and lives there now");
        case SHUTDOWN, GUEST_PANICKED, INTERNAL_ERROR -> throw refusal("reset it first");
      }
    } finally {
      lock.unlock();
    }
  }

  private IllegalStateException refusal(String why) {
    return new IllegalStateException("the machine is " + runState.qmpName() + ": " + why);
  }

  /**
   * Stops the guest: QMP's {@code stop}. Has no effect when it does not run. A guest that is to
   * arrive by migration will be stopped then, and one that is leaving will be if it stays.
   *
   * @throws IOException if it cannot be stopped, or cannot be reset as it had just asked for: the
   *     machine is then in {@link RunState#INTERNAL_ERROR}
   */
  public void pause() throws IOException {
    lock.lock();
    try {
      if (runState == RunState.RUNNING) {
        halt();
        if (runState == RunState.RUNNING) {
          enter(RunState.PAUSED);
        }
      } else if (runState == RunState.INMIGRATE || runState == RunState.FINISH_MIGRATE) {
        wanted = RunState.PAUSED;
      }
    } finally {
      lock.unlock();
    }
  }

  private void run() throws IOException {
    board.startClock();
    RunState before = runState;
    runState = RunState.RUNNING;
    board.devices().forEach(MachineDevice::resume);
    vcpus.resume();
    // The guest does not wait until everybody has been told.
    told(before);
  }

  /**
   * Parks vCPUs and quiesces devices; then carries out what the guest asked for just before.
   *
   * @throws IOException if that fails; the machine is in {@link RunState#INTERNAL_ERROR}
   */
  private void halt() throws IOException {
    orInternalError(
        () -> {
          vcpus.pause();
          board.devices().forEach(MachineDevice::quiesce);
          board.stopClock();
          handlePending();
        });
  }

  /** Something without which the machine is in no state to go on. */
  @FunctionalInterface
  private interface Step {
    void run() throws IOException;
  }

  private void orInternalError(Step step) throws IOException {
    try {
      step.run();
    } catch (IOException e) {
      enter(RunState.INTERNAL_ERROR);
      emit(new MachineEvent.ResetFailed(String.valueOf(e.getMessage())));
      throw e;
    }
  }

  private void carryOutPending() {
    lock.lock();
    try {
      if (pending.get() == null || closed) {
        return;
      }
      boolean wasRunning = runState == RunState.RUNNING;
      halt();
      if (wasRunning && runState == RunState.RUNNING) {
        orInternalError(this::run);
      }
    } catch (IOException e) {
      LOG.debug("what the guest asked for failed, and the machine says so", e);
    } finally {
      lock.unlock();
    }
  }

  private void handlePending() throws IOException {
    switch (pending.getAndSet(null)) {
      case null -> {}
      case Pending.Reset() -> resetHardware(true);
      case Pending.PowerOff() -> {
        enter(RunState.SHUTDOWN);
        emit(new MachineEvent.Shutdown());
      }
      case Pending.Panic() -> {
        enter(RunState.GUEST_PANICKED);
        emit(new MachineEvent.Panicked());
      }
      case Pending.Crash(VcpuExit exit) -> {
        enter(RunState.INTERNAL_ERROR);
        emit(new MachineEvent.Crashed(exit));
      }
    }
  }

  /**
   * Resets the machine and boots it again; it runs afterwards if it ran or had crashed.
   *
   * @throws IOException if there is no kernel to boot: nothing has changed then; or if it cannot be
   *     loaded, or KVM refuses: the machine is then in {@link RunState#INTERNAL_ERROR}
   * @throws IllegalStateException if the guest is not here
   */
  public void reset() throws IOException {
    lock.lock();
    try {
      RunState before = runState;
      if (before == RunState.INMIGRATE
          || before == RunState.FINISH_MIGRATE
          || before == RunState.POSTMIGRATE) {
        throw refusal("there is no guest here to reset");
      }
      board.checkBoot();
      if (before == RunState.RUNNING) {
        halt();
      }
      orInternalError(
          () -> {
            resetHardware(false);
            if (before == RunState.PAUSED || before == RunState.PRELAUNCH) {
              enter(before);
            } else {
              run();
            }
          });
    } finally {
      lock.unlock();
    }
  }

  private void resetHardware(boolean guest) throws IOException {
    board.checkBoot();
    board.reset();
    board.boot();
    emit(new MachineEvent.Reset(guest));
  }

  /** Something done with vCPUs that stand still. */
  @FunctionalInterface
  public interface VcpuAccess<T> {
    /** Does it. */
    T with(List<VcpuThread> vcpus) throws IOException;
  }

  /**
   * Does something while all vCPUs stand still, and lets them go on if they ran. The run state does
   * not change, and devices go on.
   *
   * @throws IOException if what is done fails
   */
  public <T> T whileParked(VcpuAccess<T> access) throws IOException {
    lock.lock();
    try {
      boolean running = runState == RunState.RUNNING;
      if (running) {
        vcpus.pause();
      }
      try {
        return access.with(vcpus.vcpus());
      } finally {
        // What the guest had asked for just before keeps it parked until that is carried out.
        if (running && pending.get() == null) {
          vcpus.resume();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Raises the line that a PC's chipset has for NMIs, LINT1 of every local APIC: QMP's {@code
   * inject-nmi}. A vCPU whose guest stands still takes its NMI when it runs.
   *
   * @return how many vCPUs take NMIs there; Linux has one do so
   * @throws IOException if KVM refuses
   * @throws IllegalStateException if the guest is not here, or has ended
   */
  public int injectNmi() throws IOException {
    lock.lock();
    try {
      if (runState != RunState.RUNNING
          && runState != RunState.PAUSED
          && runState != RunState.PRELAUNCH) {
        throw refusal("there is no guest here that could take an NMI");
      }
      return whileParked(
          threads -> {
            int taken = 0;
            for (VcpuThread thread : threads) {
              taken += LocalApic.raiseLint1(thread.vcpu()) ? 1 : 0;
            }
            return taken;
          });
    } finally {
      lock.unlock();
    }
  }

  /** Presses the power button: QMP's {@code system_powerdown}. The guest decides what follows. */
  public void pressPowerButton() {
    board.pressPowerButton();
    emit(new MachineEvent.PowerDown());
  }

  @Override
  public MachineDescription description() {
    return board.description();
  }

  @Override
  public List<RamBlock> ramBlocks() {
    return board.ramBlocks();
  }

  @Override
  public Optional<PageFilter> pageFilter() {
    return board.pageFilter();
  }

  @Override
  public List<Snapshottable> stateSections() {
    return new ArrayList<>(board.stateSections());
  }

  @Override
  public void throttle(int percent) {
    vcpus.throttle(percent);
  }

  /** Returns how much of the time vCPUs are kept out of the guest, in percent. */
  public int throttlePercentage() {
    return vcpus.throttlePercentage();
  }

  @Override
  public RunState stopForMigration() throws IOException {
    lock.lock();
    try {
      wanted = null;
      if (runState == RunState.RUNNING) {
        halt();
        if (runState == RunState.RUNNING) {
          enter(RunState.FINISH_MIGRATE);
          return RunState.RUNNING;
        }
      }
      RunState before = runState;
      enter(RunState.FINISH_MIGRATE);
      return before;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void endMigration(RunState next) throws IOException {
    lock.lock();
    try {
      if (runState != RunState.FINISH_MIGRATE && runState != RunState.INMIGRATE) {
        throw refusal("it is not in a migration");
      }
      if (asWanted(next) == RunState.RUNNING) {
        run();
      } else {
        enter(asWanted(next));
      }
      wanted = null;
    } finally {
      lock.unlock();
    }
  }

  /** Returns what a guest that could run or be stopped does, by who asked last. */
  private RunState asWanted(RunState next) {
    return switch (next) {
      case RUNNING -> wanted == null ? next : wanted;
      case PAUSED, PRELAUNCH -> wanted == RunState.RUNNING ? wanted : next;
      default -> next;
    };
  }

  /** Ends the machine: parks and joins vCPUs, closes devices, unmaps guest RAM. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      vcpus.pause();
      board.devices().forEach(MachineDevice::quiesce);
      vcpus.close();
      board.close();
    } finally {
      lock.unlock();
    }
    control.shutdown();
  }
}
