package dev.ballast.vmm.machine;

import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.vcpu.LocalApic;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A machine's life: it runs, stops, resets, migrates and ends. Every method may be called on any
 * thread but a vCPU's; one lock orders those that change the run state.
 *
 * <p>What vCPUs cause (a reset, power off, a panic, a crash) parks all vCPUs at once and is then
 * carried out on the machine's control thread. A thread that stops the machine first carries it out
 * itself, so that a migration never takes a machine along that owes its guest a reset. {@link
 * #onPanic} and {@link #onTripleFault} set what a panic and a triple fault do.
 *
 * <pre>
 *   prelaunch ──cont──► running ◄──cont/stop──► paused
 *                        │  ▲ reset
 *                        │  └── shutdown, guest-panicked (or by cont), internal-error
 *   source:      running or paused ──► finish-migrate ──► postmigrate (or back; by cont, too, if
 *                                      the destination did not confirm that it has the guest)
 *   destination: inmigrate ──► running or paused, as the source was or as was asked for here
 * </pre>
 */
public final class Machine implements MigratableMachine, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Machine.class);

  private final Board board;
  private final Lifecycle life;
  private final MigrationTransitions moves;

  /** Fair, so that a guest that resets over and over cannot keep others from the lock. */
  private final ReentrantLock lock = new ReentrantLock(true);

  private final ExecutorService control =
      Executors.newSingleThreadExecutor(Thread.ofPlatform().name("machine").factory());

  private boolean closed;

  /**
   * Makes a machine in {@link RunState#PRELAUNCH}, or {@link RunState#INMIGRATE} for a destination.
   *
   * @param config what it is made of; its console is closed with this, also if this throws
   * @throws IOException if KVM, memory or what a device needs is missing, or the guest cannot be
   *     loaded, with a message for the user; nothing is left behind
   */
  public Machine(MachineConfig config) throws IOException {
    boolean ready = false;
    try {
      // Made now: later, when the guest needs it, the host may refuse another thread.
      control.execute(() -> {});
      this.life = new Lifecycle(config, () -> control.execute(this::handlePending));
      this.board = life.board();
      this.moves = new MigrationTransitions(life);
      ready = true;
    } finally {
      if (!ready) {
        control.shutdown();
        // The serial port may have been made, and closed it: then this has no effect.
        config.console().close();
      }
    }
  }

  /**
   * Sets what a panic of the guest's kernel does from now on; {@link PanicAction#FAIL} unless set.
   * Takes no lock.
   */
  public void onPanic(PanicAction action) {
    life.guestEvent().onPanic(action);
  }

  /**
   * Sets what a triple fault does from now on; {@link TripleFaultAction#RESET} unless set, as on a
   * PC, where that is one of the ways to reboot. Takes no lock.
   */
  public void onTripleFault(TripleFaultAction action) {
    life.guestEvent().onTripleFault(action);
  }

  /**
   * Registers a listener. It is called on the thread that carries out or causes the event, which
   * may be a vCPU's or hold the machine's lock, and must not block.
   */
  public void addListener(Consumer<MachineEvent> listener) {
    life.addListener(listener);
  }

  @Override
  public RunState runState() {
    return life.runState();
  }

  /** Returns the hardware. */
  public Board board() {
    return board;
  }

  /** Returns the vCPUs, ordered by number. */
  public List<VcpuThread> vcpuThreads() {
    return life.vcpus().vcpus();
  }

  /** Returns guest RAM. */
  public GuestMemory memory() {
    return board.memory();
  }

  /**
   * Lets the guest run: QMP's {@code cont}. Has no effect when it runs. A guest that panicked goes
   * on with what its kernel does then, for instance with a dump. A guest that is to arrive by
   * migration will run once it has arrived, even if it was stopped at the source. One that left for
   * a destination that did not confirm it goes on here: the caller knows that it does not run
   * there.
   *
   * @throws IOException if KVM refuses
   * @throws RefusedException if the guest is leaving or gone, or must be reset first, or after
   *     {@link #close}
   */
  public void resume() throws IOException, RefusedException {
    lock.lock();
    try {
      checkOpen();
      switch (runState()) {
        case RUNNING -> {}
        case PAUSED, PRELAUNCH, GUEST_PANICKED -> life.run();
        case INMIGRATE -> moves.request(RunState.RUNNING);
        case FINISH_MIGRATE -> throw life.refusal("a migration is under way");
        case POSTMIGRATE -> moves.resumeUnconfirmed();
        case SHUTDOWN, INTERNAL_ERROR -> throw life.refusal("reset it first");
      }
    } finally {
      lock.unlock();
    }
  }

  private void checkOpen() throws RefusedException {
    if (closed) {
      throw new RefusedException("the machine has ended");
    }
  }

  /**
   * Stops the guest: QMP's {@code stop}. Has no effect when it does not run. A guest that is to
   * arrive by migration will be stopped once it has arrived.
   *
   * @throws IOException if it cannot be stopped, or cannot be reset as it had just asked for: the
   *     machine is then in {@link RunState#INTERNAL_ERROR}
   * @throws RefusedException if the guest is leaving, and may run elsewhere before it could be
   *     stopped
   */
  public void pause() throws IOException, RefusedException {
    lock.lock();
    try {
      checkOpen();
      if (runState() == RunState.RUNNING) {
        life.halt();
        if (runState() == RunState.RUNNING) {
          life.enter(RunState.PAUSED);
        }
      } else if (runState() == RunState.INMIGRATE) {
        moves.request(RunState.PAUSED);
      } else if (runState() == RunState.FINISH_MIGRATE) {
        throw life.refusal("a migration is under way; cancel it first, or stop the guest there");
      }
    } finally {
      lock.unlock();
    }
  }

  private void handlePending() {
    lock.lock();
    try {
      if (!life.guestEvent().isThere() || closed) {
        return;
      }
      boolean wasRunning = runState() == RunState.RUNNING;
      life.halt();
      if (wasRunning && runState() == RunState.RUNNING) {
        life.orInternalError(life::run);
      }
    } catch (IOException e) {
      log.debug("what the guest asked for failed, and the machine says so", e);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Resets the machine and boots it again. It runs afterwards unless it was {@link RunState#PAUSED}
   * or {@link RunState#PRELAUNCH}.
   *
   * @throws IOException if there is no kernel to boot: nothing has changed then; or if it cannot be
   *     loaded, or KVM refuses: the machine is then in {@link RunState#INTERNAL_ERROR}
   * @throws RefusedException if the guest is not here
   */
  public void reset() throws IOException, RefusedException {
    lock.lock();
    try {
      checkOpen();
      RunState before = runState();
      if (before == RunState.INMIGRATE
          || before == RunState.FINISH_MIGRATE
          || before == RunState.POSTMIGRATE) {
        throw life.refusal(
            !moves.isUnconfirmed()
                ? "there is no guest here to reset"
                : "the destination may have the guest; continue it here first if it has not");
      }
      board.checkBoot();
      if (before == RunState.RUNNING) {
        life.halt();
      }
      life.orInternalError(
          () -> {
            life.resetHardware(false);
            if (before == RunState.PAUSED || before == RunState.PRELAUNCH) {
              life.enter(before);
            } else {
              life.run();
            }
          });
    } finally {
      lock.unlock();
    }
  }

  /** An access to vCPUs that are parked. */
  @FunctionalInterface
  public interface VcpuAccess<T> {
    /** Accesses the vCPUs, in order of their numbers. */
    T with(List<VcpuThread> vcpus) throws IOException;
  }

  /**
   * Parks all vCPUs, accesses them, and lets them go on if they ran. The run state does not change,
   * and devices go on.
   *
   * @throws IOException if the access fails, or vCPUs cannot be parked
   * @throws RefusedException after {@link #close}
   */
  public <T> T whileParked(VcpuAccess<T> access) throws IOException, RefusedException {
    lock.lock();
    try {
      checkOpen();
      return life.whileParked(access);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Raises the line that a PC's chipset has for NMIs, LINT1 of every local APIC: QMP's {@code
   * inject-nmi}. A guest that is stopped takes its NMI when it runs.
   *
   * @return how many vCPUs take NMIs there; Linux has one do so
   * @throws IOException if KVM refuses
   * @throws RefusedException if the guest is not here, or has ended
   */
  public int injectNmi() throws IOException, RefusedException {
    lock.lock();
    try {
      if (runState() != RunState.RUNNING
          && runState() != RunState.PAUSED
          && runState() != RunState.PRELAUNCH) {
        throw life.refusal("there is no guest here that could take an NMI");
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

  /**
   * Presses the power button: QMP's {@code system_powerdown}. The guest decides what follows.
   *
   * @throws RefusedException if the guest is not here, or after {@link #close}
   */
  public void pressPowerButton() throws RefusedException {
    withGuest(
        () -> {
          board.pressPowerButton();
          life.emit(new MachineEvent.PowerDown());
        });
  }

  /**
   * Runs an action on devices that the guest is to notice. Not while it arrives or leaves: the
   * state of devices is on its way then, and the guest would never notice.
   *
   * @param action what to do, with the machine's lock held; must not wait for the guest
   * @throws RefusedException if the guest is not here, or after {@link #close}
   */
  public void withGuest(Runnable action) throws RefusedException {
    lock.lock();
    try {
      checkOpen();
      switch (runState()) {
        case INMIGRATE -> throw life.refusal("the guest has not arrived yet");
        case FINISH_MIGRATE -> throw life.refusal("the guest is leaving");
        case POSTMIGRATE -> throw life.refusal("the guest was migrated away");
        case PRELAUNCH, RUNNING, PAUSED, SHUTDOWN, GUEST_PANICKED, INTERNAL_ERROR -> action.run();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void adoptTsc(int khz) throws IOException {
    board.adoptTsc(khz);
  }

  @Override
  public void adoptCpu(Optional<CpuProfile> source) throws IOException {
    board.adoptCpu(source);
  }

  @Override
  public MachineDescription description() {
    return board.description(runState() == RunState.INMIGRATE);
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
    life.vcpus().throttle(percent);
  }

  /** Returns how much of the time vCPUs are kept out of the guest, in percent. */
  public int throttlePercentage() {
    return life.vcpus().throttlePercentage();
  }

  @Override
  public long rehearseSaving() throws IOException {
    lock.lock();
    try {
      if (closed) {
        throw new IOException("the machine has ended");
      }
      return board.rehearseSaving();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void rehearseStart() throws IOException {
    lock.lock();
    try {
      if (runState() != RunState.INMIGRATE || closed) {
        throw new IOException("the machine does not wait for a guest: " + runState().qmpName());
      }
      board.rehearseStart();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public RunState stopForMigration() throws IOException {
    lock.lock();
    try {
      if (closed) {
        throw new IOException("the machine has ended");
      }
      return moves.leave();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void endMigration(RunState next) throws IOException {
    lock.lock();
    try {
      moves.end(next);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void endUnconfirmedMigration(RunState before) {
    lock.lock();
    try {
      moves.endUnconfirmed(before);
    } finally {
      lock.unlock();
    }
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
      life.vcpus().pause();
      board.devices().forEach(MachineDevice::quiesce);
      life.vcpus().close();
      board.close();
    } finally {
      lock.unlock();
    }
    control.shutdown();
  }
}
