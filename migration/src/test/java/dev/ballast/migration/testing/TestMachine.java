package dev.ballast.migration.testing;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.ballast.vmm.cpuid.CpuComparison;
import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.machine.MigratableMachine;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.GuestRamBlock;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBacking;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.memory.ZeroPages;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A machine whose guest is a Java thread that writes to memory and moves its balloon. */
public final class TestMachine implements MigratableMachine, AutoCloseable {
  /** Between steps of the guest: it must not write faster than a slow migration sends. */
  private static final long GUEST_PAUSE_NANOS = 200_000;

  private final RamBacking backing;
  private final GuestMemory memory;
  private final SoftwareDirtyLog dirtyLog;
  private final TestBalloon balloon;
  private final List<RamBlock> blocks;
  private final Object guestLock = new Object();
  private MachineDescription description;
  private Optional<CpuProfile> ownCpu = Optional.empty();
  private Optional<CpuProfile> cpu = Optional.empty();
  private TestTsc tsc = new TestTsc(2_000_000, false);
  private Runnable beforeDescription = () -> {};
  private boolean hasBalloon = true;
  private volatile RunState state;
  private volatile boolean closed;
  private volatile int throttle;
  private @Nullable IOException stopFailure;
  private @Nullable Throwable startFailure;
  private @Nullable RuntimeException throttleFailure;
  private volatile @Nullable RunState unconfirmed;
  private long savingNanos;
  private long steps;
  private @Nullable Thread guest;
  private List<Snapshottable> sections = List.of(new Counter(), new Filler("filler", 100_000));

  /** Makes a machine of {@code mib} MiB. */
  public TestMachine(long mib, RunState state) {
    this(new TestBacking(mib << 20), state);
  }

  /**
   * Makes a machine.
   *
   * @param backing its memory; closed with it
   * @param state its state
   */
  public TestMachine(RamBacking backing, RunState state) {
    this.backing = backing;
    this.memory = new GuestMemory(backing);
    this.dirtyLog = new SoftwareDirtyLog(pages());
    this.balloon = new TestBalloon(memory);
    this.blocks = new ArrayList<>(List.of(new GuestRamBlock(memory, dirtyLog), balloon.block()));
    this.state = state;
    this.description =
        new MachineDescription(
            memory.size(),
            RamBlock.PAGE_SIZE,
            1,
            List.of("counter", "filler"),
            List.of(new CpuFeatureWord(1, 0, "ecx", 0x7)),
            List.of(new MachineDescription.RamRange(0, memory.size())),
            List.of(new MachineDescription.DeviceFeatures("counter", 0x101)));
  }

  /** Returns a machine that waits for this one's guest. */
  public static TestMachine waiting(long mib) {
    return new TestMachine(mib, RunState.INMIGRATE);
  }

  /** Returns the number of pages of RAM. */
  public long pages() {
    return memory.size() / RamBlock.PAGE_SIZE;
  }

  /** Returns the pages of RAM that have host memory behind them. */
  public PageBitmap populated() throws IOException {
    PageBitmap populated = PageBitmap.allocate(pages());
    backing.addPopulated(populated);
    return populated;
  }

  /** Returns RAM. */
  public MemorySegment ram() {
    return memory.ram();
  }

  /** Returns the balloon. */
  public TestBalloon balloon() {
    return balloon;
  }

  /** Returns the log. */
  public SoftwareDirtyLog dirtyLog() {
    return dirtyLog;
  }

  /** Takes the balloon device out. */
  public void removeBalloon() {
    hasBalloon = false;
    blocks.removeLast();
  }

  /** Changes what the machine says it is. */
  public void describe(MachineDescription other) {
    description = other;
  }

  /**
   * Has something happen when a migration asks what the machine is: a source has connected then.
   */
  public void beforeDescription(Runnable action) {
    beforeDescription = action;
  }

  /** Makes the next stop fail. */
  public void failToStop(IOException failure) {
    stopFailure = failure;
  }

  /** Makes the guest fail to run after a migration: by an IOException or an Error. */
  public void failToStart(Throwable failure) {
    startFailure = failure;
  }

  /** Makes each change of the throttle fail. */
  public void failToThrottle(RuntimeException failure) {
    throttleFailure = failure;
  }

  /** Changes how long the machine says that it takes to save its state. */
  public void savingTakes(Duration time) {
    savingNanos = time.toNanos();
  }

  /** Changes what state the machine has. */
  public void sections(List<Snapshottable> other) {
    sections = other;
  }

  /** Returns how many steps the guest has made, here and where it came from. */
  public long steps() {
    synchronized (guestLock) {
      return steps;
    }
  }

  /** Writes to a page as the guest does. */
  public void guestWrite(long page, long value) {
    memory.ram().set(JAVA_LONG_UNALIGNED, page * RamBlock.PAGE_SIZE + (page % 500) * 8, value);
    if (backing instanceof TestBacking plain) {
      plain.touch(page);
    }
    dirtyLog.mark(page);
  }

  /** Fills pages with what depends on the page and {@code seed}. */
  public void fill(long first, long pages, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (long page = first; page < first + pages; page++) {
      for (long at = 0; at < RamBlock.PAGE_SIZE; at += 8) {
        memory.ram().set(JAVA_LONG_UNALIGNED, page * RamBlock.PAGE_SIZE + at, random.nextLong());
      }
      guestWrite(page, page);
    }
  }

  /** Fills pages with content of a kind. */
  public void fill(long first, long pages, Content content, long seed) {
    long at = first * RamBlock.PAGE_SIZE;
    content.fill(ram().asSlice(at, pages * RamBlock.PAGE_SIZE), new SplittableRandom(seed));
    for (long page = first; page < first + pages; page++) {
      guestWrite(page, page);
    }
  }

  /** One thing that the guest does at a time. */
  @FunctionalInterface
  public interface Work {
    /** Does it. */
    void step(TestMachine machine, SplittableRandom random) throws IOException;
  }

  /** Starts the guest: it works whenever the machine runs. */
  public void startGuest(long seed, Work work) {
    SplittableRandom random = new SplittableRandom(seed);
    guest =
        Thread.ofPlatform()
            .daemon()
            .name("guest")
            .start(
                () -> {
                  try {
                    while (!closed) {
                      synchronized (guestLock) {
                        while (state != RunState.RUNNING && !closed) {
                          guestLock.wait();
                        }
                        if (!closed) {
                          work.step(this, random);
                          steps++;
                        }
                      }
                      LockSupport.parkNanos(GUEST_PAUSE_NANOS * 100 / (100 - throttle));
                    }
                  } catch (IOException | InterruptedException e) {
                    throw new AssertionError(e);
                  }
                });
  }

  /** Gives it a TSC of this frequency, 0 for one that is not known. */
  public void tsc(int khz, boolean scalable) {
    tsc = new TestTsc(khz, scalable);
  }

  /** Offers guests this processor. */
  public void cpu(CpuProfile offered) {
    ownCpu = Optional.of(offered);
    cpu = ownCpu;
  }

  @Override
  public void adoptCpu(Optional<CpuProfile> source) throws IOException {
    Optional<String> refusal =
        source.flatMap(theirs -> ownCpu.flatMap(own -> CpuComparison.refusal(theirs, own)));
    if (refusal.isPresent()) {
      throw new IOException(refusal.get());
    }
    cpu = source.or(() -> ownCpu);
  }

  @Override
  public void adoptTsc(int khz) throws IOException {
    tsc.counters().adopt(khz);
  }

  @Override
  public MachineDescription description() {
    beforeDescription.run();
    return description.withTscKhz(tsc.counters().khz()).withCpu(cpu);
  }

  @Override
  public List<RamBlock> ramBlocks() {
    return blocks;
  }

  @Override
  public Optional<PageFilter> pageFilter() {
    return hasBalloon ? Optional.of(balloon) : Optional.empty();
  }

  @Override
  public List<? extends Snapshottable> stateSections() {
    return sections;
  }

  @Override
  public RunState runState() {
    return state;
  }

  /** Stops the guest, or lets it go on, as its user may while it moves. */
  public void user(RunState next) {
    enter(next);
  }

  @Override
  public void throttle(int percent) {
    if (throttleFailure != null) {
      throw throttleFailure;
    }
    throttle = percent;
  }

  /** Returns for how much of the time the guest is kept from working, in percent. */
  public int throttlePercentage() {
    return throttle;
  }

  @Override
  public long rehearseSaving() {
    return savingNanos;
  }

  @Override
  public void rehearseStart() {}

  @Override
  public RunState stopForMigration() throws IOException {
    if (stopFailure != null) {
      throw stopFailure;
    }
    synchronized (guestLock) {
      RunState before = state;
      state = RunState.FINISH_MIGRATE;
      return before;
    }
  }

  @Override
  public void endMigration(RunState next) throws IOException {
    switch (startFailure) {
      case null -> {}
      case IOException e -> throw e;
      case Error e -> throw e;
      default -> throw new AssertionError(startFailure);
    }
    enter(next);
  }

  private void enter(RunState next) {
    synchronized (guestLock) {
      state = next;
      guestLock.notifyAll();
    }
  }

  @Override
  public void endUnconfirmedMigration(RunState before) {
    unconfirmed = before;
    enter(RunState.POSTMIGRATE);
  }

  /** Returns what the guest was when it left for a destination that did not confirm it, or null. */
  public @Nullable RunState unconfirmed() {
    return unconfirmed;
  }

  /** Returns the first page that differs from {@code other} although it is not ballooned, or -1. */
  public long firstDifference(TestMachine other) {
    PageBitmap out = balloon.excluded();
    for (long page = 0; page < pages(); page++) {
      long offset = page * RamBlock.PAGE_SIZE;
      long end = offset + RamBlock.PAGE_SIZE;
      if (!out.get(page)
          && MemorySegment.mismatch(ram(), offset, end, other.ram(), offset, end) >= 0) {
        return page;
      }
    }
    return -1;
  }

  /** Returns the first ballooned page with content, or -1. */
  public long firstBalloonedWithContent() {
    PageBitmap out = balloon.excluded();
    for (long page = out.nextSet(0); page < out.size(); page = out.nextSet(page + 1)) {
      if (!ZeroPages.isZero(ram(), page * RamBlock.PAGE_SIZE)) {
        return page;
      }
    }
    return -1;
  }

  @Override
  public void close() {
    synchronized (guestLock) {
      closed = true;
      guestLock.notifyAll();
    }
    if (guest != null) {
      try {
        guest.join();
      } catch (InterruptedException e) {
        throw new IllegalStateException("the guest did not end", e);
      }
    }
    memory.close();
  }

  private final class Counter implements Snapshottable {
    @Override
    public String stateName() {
      return "counter";
    }

    @Override
    public int stateVersion() {
      return 2;
    }

    @Override
    public void saveState(StateWriter writer) {
      writer.u64(steps());
    }

    @Override
    public void loadState(StateReader reader, int version) throws IOException {
      long loaded = reader.u64();
      synchronized (guestLock) {
        steps = loaded;
      }
    }
  }

  /**
   * State of a certain size.
   *
   * @param stateName its name
   * @param bytes its size
   */
  public record Filler(String stateName, int bytes) implements Snapshottable {
    @Override
    public int stateVersion() {
      return 1;
    }

    @Override
    public void saveState(StateWriter writer) {
      writer.bytes(new byte[bytes]);
    }

    @Override
    public void loadState(StateReader reader, int version) throws IOException {
      reader.exactBytes(bytes);
    }
  }
}
