package dev.ballast.vmm.machine;

import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.thread.IoAction;
import dev.ballast.vmm.vcpu.VcpuExit;
import dev.ballast.vmm.vcpu.VcpuSet;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes a machine from one run state into the next: vCPUs, devices and clocks start, stop and are
 * reset together, and listeners are called. It takes no lock: {@link Machine} and {@link
 * MigrationTransitions} call it under the machine's lock, except for {@link #board}, {@link
 * #vcpus}, {@link #guestEvent}, {@link #runState}, {@link #addListener} and {@link #emit}, which
 * any thread may call.
 */
final class Lifecycle {
  private static final Logger log = LoggerFactory.getLogger(Lifecycle.class);

  private final Board board;
  private final VcpuSet vcpus = new VcpuSet();
  private final PendingGuestEvent guestEvent;
  private final List<Consumer<MachineEvent>> listeners = new CopyOnWriteArrayList<>();
  private volatile RunState runState;

  /**
   * Makes the hardware, with vCPUs that are parked.
   *
   * @param config what it is made of
   * @param guestCausedEvent called on a vCPU's thread after the guest caused something that {@link
   *     #halt} carries out, and all vCPUs have been asked to park
   * @throws IOException if KVM, memory or what a device needs is missing; nothing is left behind
   */
  Lifecycle(MachineConfig config, Runnable guestCausedEvent) throws IOException {
    this.runState = config.incoming() ? RunState.INMIGRATE : RunState.PRELAUNCH;
    this.guestEvent =
        new PendingGuestEvent(
            () -> {
              vcpus.requestPause();
              guestCausedEvent.run();
            },
            this::emit);
    this.board = MachineBuilder.build(config, vcpus, guestEvent);
  }

  Board board() {
    return board;
  }

  VcpuSet vcpus() {
    return vcpus;
  }

  PendingGuestEvent guestEvent() {
    return guestEvent;
  }

  RunState runState() {
    return runState;
  }

  /** Returns an exception that names the run state, for what it does not allow. */
  RefusedException refusal(String why) {
    return new RefusedException("the machine is " + runState.qmpName() + ": " + why);
  }

  void addListener(Consumer<MachineEvent> listener) {
    listeners.add(listener);
  }

  void emit(MachineEvent event) {
    for (Consumer<MachineEvent> listener : listeners) {
      try {
        listener.accept(event);
      } catch (RuntimeException | Error e) {
        // What happened has happened, and the other listeners are called as well.
        log.error("a listener failed at {}", event, e);
      }
    }
  }

  void enter(RunState next) {
    RunState before = runState;
    runState = next;
    notifyStateChange(before);
  }

  private void notifyStateChange(RunState before) {
    if (before != runState) {
      emit(new MachineEvent.StateChanged(before, runState));
    }
  }

  /**
   * Starts the clocks, devices and vCPUs, and enters {@link RunState#RUNNING}. If this throws, no
   * vCPU has run, and the run state is what it was.
   */
  void run() throws IOException {
    board.startClock();
    RunState before = runState;
    runState = RunState.RUNNING;
    try {
      board.devices().forEach(MachineDevice::resume);
    } catch (RuntimeException | Error e) {
      // vCPUs come last: none runs, so the run state must not be RUNNING.
      runState = before;
      quiesceAfter(e);
      throw e;
    }
    vcpus.resume();
    // The guest does not wait for the listeners.
    notifyStateChange(before);
  }

  private void quiesceAfter(Throwable failure) {
    try {
      board.devices().forEach(MachineDevice::quiesce);
    } catch (RuntimeException | Error e) {
      failure.addSuppressed(e);
    }
  }

  /**
   * Parks vCPUs, quiesces devices and stops the clocks; then carries out what the guest asked for
   * just before. The run state changes only with that.
   *
   * @throws IOException if that fails; the machine is in {@link RunState#INTERNAL_ERROR}
   */
  void halt() throws IOException {
    orInternalError(
        () -> {
          vcpus.pause();
          board.devices().forEach(MachineDevice::quiesce);
          board.stopClock();
          handlePending();
        });
  }

  /**
   * Runs a step, and enters {@link RunState#INTERNAL_ERROR} if it fails, also with an {@link
   * Error}: HotSpot makes an InternalError of a SIGBUS, for instance when the kernel file is made
   * shorter while it is mapped.
   */
  void orInternalError(IoAction step) throws IOException {
    try {
      step.run();
    } catch (IOException e) {
      enterInternalError(e);
      throw e;
    } catch (RuntimeException | Error e) {
      log.error("a defect of this program, or of the host's memory", e);
      IOException failure = new IOException(e.toString(), e);
      enterInternalError(failure);
      throw failure;
    }
  }

  private void enterInternalError(IOException why) {
    enter(RunState.INTERNAL_ERROR);
    emit(new MachineEvent.ResetFailed(String.valueOf(why.getMessage())));
  }

  private void handlePending() throws IOException {
    switch (guestEvent.take()) {
      case null -> {}
      case PendingGuestEvent.Event.Reset() -> resetHardware(true);
      case PendingGuestEvent.Event.PowerOff() -> {
        enter(RunState.SHUTDOWN);
        emit(new MachineEvent.Shutdown());
      }
      case PendingGuestEvent.Event.Panic(PanicAction action) -> handlePanic(action);
      case PendingGuestEvent.Event.Crash(VcpuExit exit, boolean stays) -> {
        enter(RunState.INTERNAL_ERROR);
        emit(new MachineEvent.Crashed(exit, stays));
      }
    }
  }

  private void handlePanic(PanicAction action) throws IOException {
    switch (action) {
      case FAIL, POWEROFF, STOP -> {
        enter(RunState.GUEST_PANICKED);
        emit(new MachineEvent.Panicked(action));
      }
      case RESET -> {
        emit(new MachineEvent.Panicked(action));
        resetHardware(true);
      }
      case CONTINUE -> emit(new MachineEvent.Panicked(action));
    }
  }

  void resetHardware(boolean guest) throws IOException {
    board.checkBoot();
    board.reset();
    board.boot();
    emit(new MachineEvent.Reset(guest));
  }

  /** See {@link Machine#whileParked}. */
  <T> T whileParked(Machine.VcpuAccess<T> access) throws IOException {
    boolean running = runState == RunState.RUNNING;
    try {
      if (running) {
        vcpus.pause();
      }
      return access.with(vcpus.vcpus());
    } finally {
      // What the guest asked for just before keeps vCPUs parked until that is carried out.
      if (running && !guestEvent.isThere()) {
        vcpus.resume();
      }
    }
  }
}
