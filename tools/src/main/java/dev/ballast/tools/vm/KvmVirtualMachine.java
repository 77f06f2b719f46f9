package dev.ballast.tools.vm;

import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.MpState;
import dev.ballast.virtio.balloon.BalloonDevice;
import dev.ballast.virtio.balloon.BalloonStatistics;
import dev.ballast.virtio.balloon.MemoryReport;
import dev.ballast.virtio.transport.VirtioTransport;
import dev.ballast.vmm.device.SerialBackend;
import dev.ballast.vmm.machine.Machine;
import dev.ballast.vmm.machine.MachineConfig;
import dev.ballast.vmm.machine.MachineEvent;
import dev.ballast.vmm.machine.PanicAction;
import dev.ballast.vmm.machine.RefusedException;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.vcpu.VcpuExit;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A virtual machine on KVM: a machine, its balloon and its migrations, put together. */
public final class KvmVirtualMachine implements VirtualMachine, AutoCloseable {
  /**
   * How it ended.
   *
   * @param exitCode 0 when a user or the guest ended it, 1 when it failed
   * @param message for the user; may be empty
   */
  public record End(int exitCode, String message) {
    static final End INTENDED = new End(0, "");
  }

  private static final Logger log = LoggerFactory.getLogger(KvmVirtualMachine.class);
  private static final String PANICKED = "the guest's kernel panicked";

  private final String name;
  private final UUID uuid;
  private final SerialBackend serial;
  private final Machine machine;
  private final Optional<BalloonDevice> balloon;
  private final KvmMigrations migrations;
  private final List<Consumer<VmEvent>> listeners = new CopyOnWriteArrayList<>();
  private final CompletableFuture<End> end = new CompletableFuture<>();

  /**
   * Makes the machine; it does not run yet.
   *
   * @param name for the user; may be empty
   * @param uuid for the user
   * @param config what it is made of
   * @throws IOException if KVM, memory or the kernel is missing; the message is for the user
   */
  public KvmVirtualMachine(String name, UUID uuid, MachineConfig config) throws IOException {
    this.name = name;
    this.uuid = uuid;
    this.serial = config.console();
    machine = new Machine(config);
    balloon = VirtioTransport.find(machine.board().devices(), BalloonDevice.class);
    migrations = new KvmMigrations(machine, this::emit, reason -> end.complete(new End(1, reason)));
    machine.addListener(this::translate);
    balloon.ifPresent(
        device ->
            device.onActualChange(
                pages -> emit(new VmEvent.BalloonChanged(device.logicalBytes()))));
  }

  private void translate(MachineEvent event) {
    switch (event) {
      case MachineEvent.StateChanged(RunState from, RunState to) -> {
        if (to == RunState.RUNNING) {
          emit(new VmEvent.Resumed());
        } else if (from == RunState.RUNNING) {
          emit(new VmEvent.Stopped());
        }
      }
      case MachineEvent.Reset(boolean guest) -> emit(new VmEvent.Reset(guest));
      case MachineEvent.PowerDown() -> emit(new VmEvent.PoweredDown());
      case MachineEvent.Shutdown() -> {
        emit(new VmEvent.ShutDown(ShutdownCause.GUEST_SHUTDOWN));
        end.complete(End.INTENDED);
      }
      case MachineEvent.Panicked(PanicAction action) -> panicked(action);
      case MachineEvent.CrashKernelTakesOver() -> emit(new VmEvent.GuestCrashLoaded());
      case MachineEvent.Crashed(VcpuExit exit, boolean stays) -> {
        if (stays) {
          log.warn("the machine is stopped: {}", describe(exit));
        } else {
          end.complete(new End(1, describe(exit)));
        }
      }
      case MachineEvent.ResetFailed(String reason) ->
          end.complete(new End(1, "the guest could not be reset: " + reason));
    }
  }

  private void panicked(PanicAction action) {
    emit(new VmEvent.GuestPanicked(action));
    switch (action) {
      case FAIL, POWEROFF -> {
        emit(new VmEvent.ShutDown(ShutdownCause.GUEST_PANIC));
        end.complete(new End(action == PanicAction.FAIL ? 1 : 0, PANICKED));
      }
      case STOP -> log.warn("the machine is stopped: {}", PANICKED);
      // The guest says so itself, on its console.
      case RESET, CONTINUE -> {}
    }
  }

  private static String describe(VcpuExit exit) {
    String wayOut =
        exit instanceof VcpuExit.KvmInternalError
            ? ": 'ballast doctor' tells; 'ballast lab' runs Linux guests there"
            : "";
    return exit.summary()
        + exit.hint().map(hint -> "\nhint: " + hint + wayOut).orElse("")
        + "\n"
        + exit.registers().text();
  }

  private void emit(VmEvent event) {
    listeners.forEach(listener -> listener.accept(event));
  }

  /** Completes when the machine has ended, and says how. */
  public CompletableFuture<End> end() {
    return end;
  }

  /** Returns the machine itself. */
  public Machine machine() {
    return machine;
  }

  /** Returns the balloon device itself, for its counters. */
  public Optional<BalloonDevice> balloonDevice() {
    return balloon;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public UUID uuid() {
    return uuid;
  }

  @Override
  public String serialFilename() {
    return serial.filename();
  }

  @Override
  public long memoryBytes() {
    return machine.memory().size();
  }

  @Override
  public List<Vcpu> vcpus() {
    return machine.vcpuThreads().stream().map(KvmVirtualMachine::vcpu).toList();
  }

  private static Vcpu vcpu(VcpuThread thread) {
    return new Vcpu(thread.vcpu().id(), thread.threadId());
  }

  @Override
  public List<VcpuSnapshot> vcpuSnapshots() throws VmException {
    List<VcpuSnapshot> snapshots = new ArrayList<>();
    attempt(
        () ->
            machine.whileParked(
                threads -> {
                  for (VcpuThread thread : threads) {
                    KvmVcpu vcpu = thread.vcpu();
                    snapshots.add(
                        new VcpuSnapshot(
                            vcpu(thread),
                            vcpu.mpState() == MpState.HALTED,
                            vcpu.regs(),
                            vcpu.sregs()));
                  }
                  return snapshots;
                }));
    return snapshots;
  }

  @Override
  public void injectNmi() throws VmException {
    int[] taken = {0};
    attempt(() -> taken[0] = machine.injectNmi());
    if (taken[0] == 0) {
      throw new VmException(
          "no vCPU takes the NMI: the guest has set up LINT1 of no local APIC for it");
    }
  }

  @Override
  public RunState runState() {
    return machine.runState();
  }

  /** A request to the machine that it may refuse. */
  @FunctionalInterface
  private interface Action {
    void run() throws IOException, RefusedException;
  }

  private static void attempt(Action action) throws VmException {
    try {
      action.run();
    } catch (IOException | RefusedException e) {
      throw new VmException(String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public void stop() throws VmException {
    attempt(machine::pause);
  }

  @Override
  public void cont() throws VmException {
    attempt(machine::resume);
  }

  @Override
  public void reset() throws VmException {
    attempt(machine::reset);
  }

  @Override
  public void powerdown() throws VmException {
    attempt(machine::pressPowerButton);
  }

  @Override
  public void quit() {
    quit(ShutdownCause.HOST_QMP_QUIT);
  }

  /** Ends the machine for a reason of the host's. Returns at once. */
  public void quit(ShutdownCause cause) {
    emit(new VmEvent.ShutDown(cause));
    end.complete(End.INTENDED);
  }

  @Override
  public Optional<BalloonControl> balloon() {
    return balloon.map(Balloon::new);
  }

  /** The balloon in bytes rather than pages. */
  private final class Balloon implements BalloonControl {
    private final BalloonDevice device;

    Balloon(BalloonDevice device) {
      this.device = device;
    }

    @Override
    public long actualBytes() {
      return device.logicalBytes();
    }

    @Override
    public boolean hasDriver() {
      return device.hasDriver();
    }

    @Override
    public void setTarget(long logicalSize) throws VmException {
      long pages = Math.max(0, memoryBytes() - logicalSize) / RamBlock.PAGE_SIZE;
      long target = Math.min(pages, device.maxTargetPages());
      attempt(() -> machine.withGuest(() -> device.setTarget(target)));
    }

    @Override
    public PageBitmap bitmap() {
      return device.bitmap().excluded();
    }

    @Override
    public Optional<MemoryReport> memoryReport() {
      return device.statistics().map(BalloonStatistics::latest);
    }

    @Override
    public long reportInterval() {
      return device.statistics().map(BalloonStatistics::interval).orElse(0L);
    }

    @Override
    public void setReportInterval(long seconds) throws VmException {
      attempt(
          () ->
              machine.withGuest(
                  () -> device.statistics().ifPresent(reports -> reports.setInterval(seconds))));
    }
  }

  @Override
  public MigrationControl migration() {
    return migrations;
  }

  @Override
  public MemoryMap memoryMap(int cells) throws VmException {
    @Nullable PageBitmap ballooned = balloon.map(device -> device.bitmap().excluded()).orElse(null);
    try {
      return MemoryClassifier.classify(machine.ramBlocks().getFirst(), ballooned, cells);
    } catch (IOException e) {
      throw new VmException("the host's page map cannot be read: " + e.getMessage(), e);
    }
  }

  @Override
  public void addListener(Consumer<VmEvent> listener) {
    listeners.add(listener);
  }

  /** Cancels migrations, ends the machine and gives its memory back. */
  @Override
  public void close() {
    migrations.close();
    machine.close();
  }
}
