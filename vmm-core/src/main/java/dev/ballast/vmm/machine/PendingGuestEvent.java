package dev.ballast.vmm.machine;

import dev.ballast.vmm.vcpu.VcpuExit;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the guest caused on a vCPU's thread and has not been carried out yet, and the user's choice
 * of what to do about it. The first event counts until it is taken: vCPUs are on their way out of
 * the guest then. Any thread.
 */
final class PendingGuestEvent implements GuestEvents {
  private static final Logger log = LoggerFactory.getLogger(PendingGuestEvent.class);

  /** An event that ends the guest, or what it is doing. */
  sealed interface Event {
    record Reset() implements Event {}

    record PowerOff() implements Event {}

    record Panic(PanicAction action) implements Event {}

    /** A vCPU cannot go on; the machine is to be kept as it is, or to end. */
    record Crash(VcpuExit exit, boolean stays) implements Event {}
  }

  private final Runnable noted;
  private final Consumer<MachineEvent> listener;
  private final AtomicReference<@Nullable Event> pending = new AtomicReference<>();
  private final RateLimit tripleFaultLog = new RateLimit(Duration.ofSeconds(10));
  private final RateLimit panicEvents = new RateLimit(Duration.ofSeconds(1));
  private final RateLimit crashKernelEvents = new RateLimit(Duration.ofSeconds(1));
  private volatile PanicAction panicAction = PanicAction.FAIL;
  private volatile TripleFaultAction tripleFaultAction = TripleFaultAction.RESET;

  /**
   * @param noted called when there is an event, on a vCPU's thread; parks vCPUs and gets the event
   *     carried out
   * @param listener called with events that need no action, on a vCPU's thread
   */
  PendingGuestEvent(Runnable noted, Consumer<MachineEvent> listener) {
    this.noted = noted;
    this.listener = listener;
  }

  void onPanic(PanicAction action) {
    panicAction = action;
  }

  void onTripleFault(TripleFaultAction action) {
    tripleFaultAction = action;
  }

  /** Returns whether there is an event. */
  boolean isThere() {
    return pending.get() != null;
  }

  /** Removes and returns the event; null if there is none. */
  @Nullable Event take() {
    return pending.getAndSet(null);
  }

  @Override
  public void reset() {
    note(new Event.Reset());
  }

  @Override
  public void powerOff() {
    note(new Event.PowerOff());
  }

  @Override
  public void panicked() {
    PanicAction action = panicAction;
    if (action != PanicAction.CONTINUE) {
      note(new Event.Panic(action));
    } else if (panicEvents.pass()) {
      listener.accept(new MachineEvent.Panicked(action));
    }
  }

  @Override
  public void crashKernelTakesOver() {
    if (crashKernelEvents.pass()) {
      listener.accept(new MachineEvent.CrashKernelTakesOver());
    }
  }

  @Override
  public void crashed(VcpuExit exit) {
    if (!(exit instanceof VcpuExit.TripleFault)) {
      note(new Event.Crash(exit, false));
      return;
    }
    switch (tripleFaultAction) {
      case RESET -> {
        if (tripleFaultLog.pass()) {
          log.warn(
              "{}: the machine is reset; triple faults so far: {}",
              exit.summary(),
              tripleFaultLog.count());
        }
        note(new Event.Reset());
      }
      case STOP -> note(new Event.Crash(exit, true));
      case FAIL -> note(new Event.Crash(exit, false));
    }
  }

  private void note(Event event) {
    if (pending.compareAndSet(null, event)) {
      noted.run();
    }
  }
}
