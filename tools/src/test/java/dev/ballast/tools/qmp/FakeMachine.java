package dev.ballast.tools.qmp;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.source.MigrationParameters;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.tools.vm.BalloonControl;
import dev.ballast.tools.vm.MemoryMap;
import dev.ballast.tools.vm.MigrationCapability;
import dev.ballast.tools.vm.MigrationControl;
import dev.ballast.tools.vm.ShutdownCause;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmEvent;
import dev.ballast.tools.vm.VmException;
import dev.ballast.virtio.balloon.MemoryReport;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.PageBitmap;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/** A machine without a guest that writes down what it was asked for. */
final class FakeMachine implements VirtualMachine {
  static final long MEMORY = 1L << 30;

  /** An address that makes {@code migrate} fail as no command should. */
  static final String DEFECT = "defect:";

  /** Addresses that make {@code migrate} fail as any command may at a bad moment. */
  static final String NO_MEMORY = "no-memory:";

  static final String NO_STACK = "no-stack:";

  final List<String> calls = new CopyOnWriteArrayList<>();
  final List<Consumer<VmEvent>> listeners = new CopyOnWriteArrayList<>();
  final PageBitmap bitmap = PageBitmap.allocate(MEMORY / 4096);
  final CountDownLatch quit = new CountDownLatch(1);

  /** What {@link #stop} waits for after it has been written down. */
  volatile CountDownLatch stopping = new CountDownLatch(0);

  /** Whether whoever asks for {@link #migration} runs out of memory. */
  volatile boolean outOfMemory;

  volatile RunState state = RunState.RUNNING;
  volatile UUID uuid = NO_UUID;
  volatile List<VcpuSnapshot> snapshots = List.of();
  volatile boolean hasBalloon = true;
  volatile boolean hasDriver = true;
  volatile boolean hasStatistics = true;
  volatile MemoryReport report = MemoryReport.NONE;
  private volatile long interval;
  volatile Optional<MigrationUri> listening = Optional.empty();
  volatile MigrationProgress progress = MigrationProgress.IDLE;
  private final FakeMigration migration = new FakeMigration();

  void emit(VmEvent event) {
    listeners.forEach(listener -> listener.accept(event));
  }

  @Override
  public String name() {
    return "fake";
  }

  @Override
  public UUID uuid() {
    return uuid;
  }

  @Override
  public List<VcpuSnapshot> vcpuSnapshots() throws VmException {
    calls.add("snapshots");
    return snapshots;
  }

  @Override
  public void injectNmi() throws VmException {
    if (state == RunState.POSTMIGRATE) {
      throw new VmException("there is no guest here");
    }
    calls.add("nmi");
  }

  @Override
  public String serialFilename() {
    return "pty:/dev/pts/7";
  }

  @Override
  public long memoryBytes() {
    return MEMORY;
  }

  @Override
  public List<Vcpu> vcpus() {
    return List.of(new Vcpu(0, 100), new Vcpu(1, 101));
  }

  @Override
  public RunState runState() {
    return state;
  }

  @Override
  public void stop() throws VmException {
    calls.add("stop");
    try {
      stopping.await();
    } catch (InterruptedException e) {
      throw new VmException("interrupted", e);
    }
    state = RunState.PAUSED;
    emit(new VmEvent.Stopped());
  }

  @Override
  public void cont() throws VmException {
    if (state == RunState.POSTMIGRATE) {
      throw new VmException("the guest was migrated away");
    }
    calls.add("cont");
    state = RunState.RUNNING;
    emit(new VmEvent.Resumed());
  }

  @Override
  public void reset() {
    calls.add("reset");
    emit(new VmEvent.Reset(false));
  }

  @Override
  public void powerdown() {
    calls.add("powerdown");
    emit(new VmEvent.PoweredDown());
  }

  @Override
  public void quit() {
    calls.add("quit");
    emit(new VmEvent.ShutDown(ShutdownCause.HOST_QMP_QUIT));
    quit.countDown();
  }

  @Override
  public Optional<BalloonControl> balloon() {
    return hasBalloon ? Optional.of(new FakeBalloon()) : Optional.empty();
  }

  @Override
  public MigrationControl migration() {
    if (outOfMemory) {
      throw new OutOfMemoryError("as a test wants it");
    }
    return migration;
  }

  @Override
  public MemoryMap memoryMap(int cells) {
    long perCell = MEMORY / 4096 / cells;
    return new MemoryMap(perCell, List.of(new MemoryMap.Cell(1, 2, 3, perCell - 6)));
  }

  @Override
  public void addListener(Consumer<VmEvent> listener) {
    listeners.add(listener);
  }

  private final class FakeBalloon implements BalloonControl {
    @Override
    public long actualBytes() {
      return MEMORY - bitmap.cardinality() * 4096;
    }

    @Override
    public boolean hasDriver() {
      return hasDriver;
    }

    @Override
    public void setTarget(long logicalSize) {
      calls.add("balloon " + logicalSize);
    }

    @Override
    public PageBitmap bitmap() {
      return bitmap;
    }

    @Override
    public Optional<MemoryReport> memoryReport() {
      return hasStatistics ? Optional.of(report) : Optional.empty();
    }

    @Override
    public long reportInterval() {
      return interval;
    }

    @Override
    public void setReportInterval(long seconds) {
      calls.add("interval " + seconds);
      interval = seconds;
    }
  }

  private final class FakeMigration implements MigrationControl {
    private final Map<MigrationCapability, Boolean> capabilities =
        new EnumMap<>(MigrationCapability.class);
    private MigrationParameters parameters = MigrationParameters.DEFAULT;

    FakeMigration() {
      for (MigrationCapability capability : MigrationCapability.values()) {
        capabilities.put(capability, capability.initially());
      }
    }

    @Override
    public void start(String uri) {
      switch (uri) {
        case DEFECT -> throw new IllegalStateException("a defect");
        case NO_MEMORY -> throw new OutOfMemoryError("as a test wants it");
        case NO_STACK -> throw new StackOverflowError("as a test wants it");
        default -> calls.add("migrate " + uri);
      }
    }

    @Override
    public MigrationUri startIncoming(String uri) throws VmException {
      throw new VmException("the machine does not wait for a guest");
    }

    @Override
    public void cancel() {
      calls.add("cancel");
    }

    @Override
    public MigrationProgress progress() {
      return progress;
    }

    @Override
    public Optional<MigrationUri> listening() {
      return listening;
    }

    @Override
    public Map<MigrationCapability, Boolean> capabilities() {
      return capabilities;
    }

    @Override
    public boolean isOn(MigrationCapability capability) {
      return Boolean.TRUE.equals(capabilities.get(capability));
    }

    @Override
    public void setCapabilities(Map<MigrationCapability, Boolean> changes) {
      capabilities.putAll(changes);
    }

    @Override
    public MigrationParameters parameters() {
      return parameters;
    }

    @Override
    public void setParameters(MigrationParameters parameters) {
      this.parameters = parameters;
    }
  }
}
