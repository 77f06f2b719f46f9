package dev.ballast.virtio.transport;

import static dev.ballast.virtio.transport.DeviceStatus.ACKNOWLEDGE;
import static dev.ballast.virtio.transport.DeviceStatus.DEVICE_NEEDS_RESET;
import static dev.ballast.virtio.transport.DeviceStatus.DRIVER;
import static dev.ballast.virtio.transport.DeviceStatus.DRIVER_BITS;
import static dev.ballast.virtio.transport.DeviceStatus.DRIVER_OK;
import static dev.ballast.virtio.transport.DeviceStatus.FAILED;
import static dev.ballast.virtio.transport.DeviceStatus.FEATURES_OK;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.virtio.queue.QueueState;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.log.RateLimitedLog;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * What a driver sets up whatever the transport: status, features, queues (virtio v1.3 §2.1, §2.2,
 * §3.1). A transport decodes its registers into calls of this.
 *
 * <p>Any thread, several vCPUs at once. A reset ({@link #writeStatus} with 0) waits for the batch
 * that a worker is in; other calls that take the monitor wait for the reset. The monitor is taken
 * before the workers' lock, never after.
 */
public final class CommonConfiguration {
  /** The shift of the low half of a 64-bit register. */
  public static final int LOW = 0;

  /** The shift of the high half of a 64-bit register. */
  public static final int HIGH = Integer.SIZE;

  private final VirtioDevice device;
  private final GuestMemory memory;
  private final long offered;
  private final InterruptStatus interrupts;
  private final QueueWorkers workers;
  private final RateLimitedLog faults;

  /**
   * Written under the monitor, but for DEVICE_NEEDS_RESET, which the workers set under their lock.
   */
  private final AtomicInteger status = new AtomicInteger();

  private final AtomicInteger generation = new AtomicInteger();
  private final QueueState[] queues;
  private int deviceFeaturesSelect;
  private int driverFeaturesSelect;
  private int queueSelect;
  private long driverFeatures;

  CommonConfiguration(
      String name,
      VirtioDevice device,
      GuestMemory memory,
      DeviceInterrupts wires,
      List<EventFd> notifiers) {
    this.device = device;
    this.memory = memory;
    this.offered = device.features() | VirtioFeature.VERSION_1;
    this.interrupts = new InterruptStatus(wires);
    this.faults = new RateLimitedLog(LoggerFactory.getLogger(CommonConfiguration.class), name);
    this.queues = new QueueState[device.queueCount()];
    Arrays.fill(queues, QueueState.RESET);
    device.onConfigChange(this::configChanged);
    this.workers =
        new QueueWorkers(
            name, device, notifiers, interrupts, this::needsReset, Thread.ofPlatform()::unstarted);
    device.onQueueWork(workers::wake);
  }

  // ---- events of the device

  private void configChanged() {
    generation.incrementAndGet();
    if ((status.get() & DRIVER_OK) != 0) {
      interrupts.configurationChanged();
    }
  }

  /**
   * Sets DEVICE_NEEDS_RESET (§2.1.2): the driver broke a rule while the device was live, or the
   * host failed. Call with the workers' lock held.
   */
  private void needsReset(String why) {
    faults.warn(why + ": device needs reset");
    status.getAndUpdate(old -> old | DEVICE_NEEDS_RESET);
    interrupts.configurationChanged();
  }

  /** Counts a write that is not allowed; it is ignored. */
  private void refuse(String what) {
    faults.warn(what);
  }

  // ---- status

  /** Returns the device status. */
  public int readStatus() {
    return status.get();
  }

  /** Handles the driver's write to the device status; 0 resets. */
  public synchronized void writeStatus(int value) {
    if (value == 0) {
      reset();
    } else {
      advance(value & DRIVER_BITS);
    }
  }

  /**
   * Sets the bits that the driver may set now, and clears none; the driver reads back which were
   * set.
   */
  private void advance(int wanted) {
    int old = status.get() & DRIVER_BITS;
    int added = wanted & ~old;
    int next = old | (added & (ACKNOWLEDGE | FAILED));
    if ((added & DRIVER) != 0 && (next & ACKNOWLEDGE) != 0) {
      next |= DRIVER;
    }
    if ((added & FEATURES_OK) != 0 && (next & DRIVER) != 0 && isAcceptable(driverFeatures)) {
      next |= FEATURES_OK;
    }
    if ((added & DRIVER_OK) != 0 && (old & FEATURES_OK) != 0) {
      next |= DRIVER_OK;
    }
    if (next != wanted) {
      refuse(
          "status 0x%x after 0x%x with features 0x%x of 0x%x"
              .formatted(wanted, old, driverFeatures, offered));
    }
    int accepted = next;
    status.getAndUpdate(s -> (s & DEVICE_NEEDS_RESET) | accepted);
    if ((next & ~old & DRIVER_OK) != 0) {
      try {
        @Nullable SplitVirtqueue[] live = bringToLife(queues, driverFeatures);
        device.activate(driverFeatures);
        workers.start(live);
      } catch (VirtqueueException e) {
        workers.stop(() -> needsReset(String.valueOf(e.getMessage())));
      }
    }
  }

  private boolean isAcceptable(long features) {
    return (features & ~offered) == 0 && (features & VirtioFeature.VERSION_1) != 0;
  }

  private @Nullable SplitVirtqueue[] bringToLife(QueueState[] setups, long features)
      throws VirtqueueException {
    @Nullable SplitVirtqueue[] live = new SplitVirtqueue[setups.length];
    for (int i = 0; i < setups.length; i++) {
      if (setups[i].ready()) {
        live[i] =
            new SplitVirtqueue(
                memory,
                setups[i],
                device.maxQueueSize(i),
                (features & VirtioFeature.INDIRECT_DESC) != 0,
                (features & VirtioFeature.EVENT_IDX) != 0);
      }
    }
    return live;
  }

  /** Waits until the workers have finished their batch, then returns to the power-on state. */
  synchronized void reset() {
    workers.stop(
        () -> {
          device.reset();
          status.set(0);
          interrupts.set(0);
        });
    Arrays.fill(queues, QueueState.RESET);
    deviceFeaturesSelect = 0;
    driverFeaturesSelect = 0;
    queueSelect = 0;
    driverFeatures = 0;
  }

  // ---- features

  /** Selects 32 of the features that are offered. */
  public synchronized void selectDeviceFeatures(int word) {
    deviceFeaturesSelect = word;
  }

  /** Returns the selected 32 of the features that are offered. */
  public synchronized int deviceFeatures() {
    return switch (deviceFeaturesSelect) {
      case 0 -> (int) offered;
      case 1 -> (int) (offered >>> 32);
      default -> 0;
    };
  }

  /** Selects 32 of the features that the driver accepts. */
  public synchronized void selectDriverFeatures(int word) {
    driverFeaturesSelect = word;
  }

  /** Sets the selected 32 of the features that the driver accepts. */
  public synchronized void writeDriverFeatures(int value) {
    int now = status.get();
    if ((now & DRIVER) == 0 || (now & FEATURES_OK) != 0) {
      refuse("driver features written in status 0x%x".formatted(now));
    } else if (driverFeaturesSelect == 0 || driverFeaturesSelect == 1) {
      driverFeatures = withHalf(driverFeatures, driverFeaturesSelect * Integer.SIZE, value);
    } else if (value != 0) {
      refuse("driver features beyond bit 63");
    }
  }

  // ---- queues

  /** Selects the queue that the other queue calls refer to; there need not be such a queue. */
  public synchronized void selectQueue(int index) {
    queueSelect = index;
  }

  /** The index of the selected queue, or -1 if there is no such queue. */
  private int selected() {
    return queueSelect >= 0 && queueSelect < queues.length ? queueSelect : -1;
  }

  /** Returns the most descriptors that the selected queue may have; 0 if there is no such queue. */
  public synchronized int maxQueueSize() {
    return selected() < 0 ? 0 : device.maxQueueSize(selected());
  }

  /** Returns whether the selected queue is enabled. */
  public synchronized boolean queueReady() {
    return selected() >= 0 && queues[selected()].ready();
  }

  /** Enables or disables the selected queue, which the driver may do until it sets DRIVER_OK. */
  public synchronized void writeQueueReady(boolean ready) {
    if (queuesOpen() && selected() >= 0) {
      queues[selected()] = queues[selected()].withReady(ready);
    } else if (selected() >= 0 && queues[selected()].ready() != ready) {
      refuse("queue %d enabled in status 0x%x".formatted(queueSelect, status.get()));
    }
  }

  /** Sets how many descriptors the selected queue has, unless it is frozen. */
  public void writeQueueSize(int size) {
    setUp(queue -> queue.withSize(size));
  }

  /**
   * Sets one half of the address of the selected queue's descriptor table.
   *
   * @param shift {@link #LOW} or {@link #HIGH}
   */
  public void writeDescriptorTable(int shift, int half) {
    setUp(queue -> queue.withDescriptorTable(withHalf(queue.descriptorTable(), shift, half)));
  }

  /**
   * Sets one half of the address of the selected queue's available ring.
   *
   * @param shift {@link #LOW} or {@link #HIGH}
   */
  public void writeAvailableRing(int shift, int half) {
    setUp(queue -> queue.withAvailableRing(withHalf(queue.availableRing(), shift, half)));
  }

  /**
   * Sets one half of the address of the selected queue's used ring.
   *
   * @param shift {@link #LOW} or {@link #HIGH}
   */
  public void writeUsedRing(int shift, int half) {
    setUp(queue -> queue.withUsedRing(withHalf(queue.usedRing(), shift, half)));
  }

  /** Changes the selected queue, unless it is frozen: once it is enabled, or DRIVER_OK is set. */
  private synchronized void setUp(UnaryOperator<QueueState> change) {
    int index = selected();
    if (index >= 0 && queuesOpen() && !queues[index].ready()) {
      queues[index] = change.apply(queues[index]);
    } else {
      refuse("queue %d set up in status 0x%x".formatted(queueSelect, status.get()));
    }
  }

  private boolean queuesOpen() {
    return (status.get() & (FEATURES_OK | DRIVER_OK)) == FEATURES_OK;
  }

  private static long withHalf(long value, int shift, int half) {
    return (value & ~(0xffff_ffffL << shift)) | (Integer.toUnsignedLong(half) << shift);
  }

  // ---- the rest of the registers

  /** Returns the reasons for interrupts that the driver has not acknowledged. */
  public int interruptStatus() {
    return interrupts.get();
  }

  /** Clears the reasons that the driver acknowledges. */
  public void acknowledgeInterrupt(int reasons) {
    interrupts.acknowledge(reasons);
  }

  /** Wakes the queue's thread; ignores the number of a queue that does not exist. */
  public void notifyQueue(int queue) {
    if (queue >= 0 && queue < queues.length) {
      workers.wake(queue);
    }
  }

  /** Returns the configuration generation (virtio v1.3 §2.5). */
  public int configGeneration() {
    return generation.get();
  }

  /**
   * Reads the device's configuration space.
   *
   * @param offset in bytes, from 0
   * @param size 1, 2, 4 or 8
   */
  public long readConfig(long offset, int size) {
    return device.config().read(offset, size);
  }

  /**
   * Writes the device's configuration space; refused before the driver has set DRIVER.
   *
   * @param offset in bytes, from 0
   * @param size 1, 2, 4 or 8
   * @param value in the low {@code size} bytes
   */
  public void writeConfig(long offset, int size, long value) {
    if ((status.get() & DRIVER) == 0) {
      refuse("configuration written without a driver");
    } else if (device.config().write(offset, size, value)) {
      device.configWritten();
    }
  }

  // ---- life cycle

  /** Waits until neither a batch nor anything that one began is under way. */
  void quiesce() {
    workers.pause();
    device.quiesce();
  }

  void resume() {
    // An interrupt may have been under way when the state was saved; one too many does no harm.
    interrupts.sendAgain();
    workers.resume();
  }

  void close() {
    device.close();
    workers.close();
  }

  /** Returns how often the driver broke a rule, or the host failed. */
  long faults() {
    return faults.count();
  }

  /** Returns how often the host or the device failed, without a fault of the driver. */
  long failures() {
    return workers.failures();
  }

  synchronized void saveState(StateWriter writer) {
    List<QueueState> states = new ArrayList<>();
    for (int i = 0; i < queues.length; i++) {
      SplitVirtqueue live = workers.queue(i);
      states.add(live == null ? queues[i] : live.state());
    }
    writer.u32(device.deviceId());
    new CommonState(
            status.get(),
            driverFeatures,
            deviceFeaturesSelect,
            driverFeaturesSelect,
            queueSelect,
            interrupts.get(),
            generation.get(),
            states)
        .write(writer);
    writer.u32(device.stateVersion());
    device.saveState(writer);
  }

  /** Loads a state; queues are not served from now on, until {@link #resume}. */
  synchronized void loadState(StateReader reader) throws StateFormatException {
    reader.u32("device ID", device.deviceId(), device.deviceId());
    CommonState state = CommonState.read(reader, queues.length);
    QueueState[] newQueues = state.queues().toArray(QueueState[]::new);
    @Nullable SplitVirtqueue[] live = bringToLife(reader, state, newQueues);
    device.loadState(reader, reader.u32("device state version", 1, device.stateVersion()));

    workers.pause();
    status.set(state.status());
    driverFeatures = state.driverFeatures();
    deviceFeaturesSelect = state.deviceFeaturesSelect();
    driverFeaturesSelect = state.driverFeaturesSelect();
    queueSelect = state.queueSelect();
    interrupts.set(state.interrupts());
    generation.set(state.generation());
    System.arraycopy(newQueues, 0, queues, 0, queues.length);
    if ((state.status() & DRIVER_OK) != 0) {
      device.activate(driverFeatures);
      workers.start(live);
    }
  }

  private @Nullable SplitVirtqueue[] bringToLife(
      StateReader reader, CommonState state, QueueState[] setups) throws StateFormatException {
    if (state.hasNegotiated() && !isAcceptable(state.driverFeatures())) {
      throw reader.fail(
          "features 0x%x negotiated, 0x%x offered here".formatted(state.driverFeatures(), offered));
    }
    try {
      return state.isLive()
          ? bringToLife(setups, state.driverFeatures())
          : new SplitVirtqueue[setups.length];
    } catch (VirtqueueException e) {
      throw reader.fail(String.valueOf(e.getMessage()));
    }
  }
}
