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
import dev.ballast.vmm.irq.InterruptLine;
import dev.ballast.vmm.log.RateLimitedLog;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * What a driver sets up whatever the transport: status, features, queues (virtio v1.3 §2.1, §2.2,
 * §3.1). A transport decodes its registers into calls of this.
 *
 * <p>Any thread, several vCPUs at once. Only {@link #writeStatus} with 0 waits, for the batch that
 * the worker is in. Its monitor is taken before the worker's lock, never after.
 */
final class CommonConfiguration {
  private final VirtioDevice device;
  private final GuestMemory memory;
  private final long offered;
  private final InterruptStatus interrupts;
  private final QueueWorker worker;
  private final RateLimitedLog faults;

  /**
   * Written under the monitor, but for DEVICE_NEEDS_RESET, which the worker sets under its lock.
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
      InterruptLine interrupt,
      EventFd queueNotify) {
    this.device = device;
    this.memory = memory;
    this.offered = device.features() | VirtioFeature.VERSION_1;
    this.interrupts = new InterruptStatus(interrupt);
    this.faults = new RateLimitedLog(LoggerFactory.getLogger(CommonConfiguration.class), name);
    this.queues = new QueueState[device.queueCount()];
    Arrays.fill(queues, QueueState.RESET);
    device.onConfigChange(this::configChanged);
    this.worker = new QueueWorker(name, device, queueNotify, interrupts, this::needsReset);
    device.onQueueWork(worker::wake);
  }

  // ---- events of the device

  private void configChanged() {
    generation.incrementAndGet();
    if ((status.get() & DRIVER_OK) != 0) {
      interrupts.raise(InterruptStatus.CONFIGURATION);
    }
  }

  /**
   * The driver broke a rule while the device was live, or the host failed it (§2.1.2); with the
   * worker's lock held.
   */
  private void needsReset(String why) {
    faults.warn(why + ": device needs reset");
    status.getAndUpdate(old -> old | DEVICE_NEEDS_RESET);
    interrupts.raise(InterruptStatus.CONFIGURATION);
  }

  /** The driver wrote what it must not, and the write is ignored. */
  private void refuse(String what) {
    faults.warn(what);
  }

  // ---- status

  int readStatus() {
    return status.get();
  }

  synchronized void writeStatus(int value) {
    if (value == 0) {
      reset();
    } else {
      advance(value & DRIVER_BITS);
    }
  }

  /**
   * Sets the bits that the driver may set now; it never clears one, and sees by reading what was
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
          String.format(
              "status 0x%x after 0x%x with features 0x%x of 0x%x",
              wanted, old, driverFeatures, offered));
    }
    int accepted = next;
    status.getAndUpdate(s -> (s & DEVICE_NEEDS_RESET) | accepted);
    if ((next & ~old & DRIVER_OK) != 0) {
      try {
        @Nullable SplitVirtqueue[] live = bringToLife(queues, driverFeatures);
        device.activate(driverFeatures);
        worker.start(live);
      } catch (VirtqueueException e) {
        worker.stop(() -> needsReset(String.valueOf(e.getMessage())));
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

  /** Returns to the power-on state, when the worker has finished its batch. */
  synchronized void reset() {
    worker.stop(
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

  synchronized void selectDeviceFeatures(int word) {
    deviceFeaturesSelect = word;
  }

  synchronized int deviceFeatures() {
    return switch (deviceFeaturesSelect) {
      case 0 -> (int) offered;
      case 1 -> (int) (offered >>> 32);
      default -> 0;
    };
  }

  synchronized void selectDriverFeatures(int word) {
    driverFeaturesSelect = word;
  }

  synchronized void writeDriverFeatures(int value) {
    int now = status.get();
    if ((now & DRIVER) == 0 || (now & FEATURES_OK) != 0) {
      refuse(String.format("driver features written in status 0x%x", now));
    } else if (driverFeaturesSelect == 0 || driverFeaturesSelect == 1) {
      driverFeatures = withHalf(driverFeatures, driverFeaturesSelect == 1, value);
    } else if (value != 0) {
      refuse("driver features beyond bit 63");
    }
  }

  // ---- queues

  synchronized void selectQueue(int index) {
    queueSelect = index;
  }

  /** The index of the selected queue, or -1 if there is no such queue. */
  private int selected() {
    return queueSelect >= 0 && queueSelect < queues.length ? queueSelect : -1;
  }

  synchronized int maxQueueSize() {
    return selected() < 0 ? 0 : device.maxQueueSize(selected());
  }

  synchronized boolean queueReady() {
    return selected() >= 0 && queues[selected()].ready();
  }

  /** Enables or disables the selected queue, which the driver may do until it sets DRIVER_OK. */
  synchronized void writeQueueReady(boolean ready) {
    if (queuesOpen() && selected() >= 0) {
      queues[selected()] = queues[selected()].withReady(ready);
    } else if (selected() >= 0 && queues[selected()].ready() != ready) {
      refuse(String.format("queue %d enabled in status 0x%x", queueSelect, status.get()));
    }
  }

  void writeQueueSize(int size) {
    setUp(queue -> queue.withSize(size));
  }

  void writeDescriptorTable(boolean high, int half) {
    setUp(queue -> queue.withDescriptorTable(withHalf(queue.descriptorTable(), high, half)));
  }

  void writeAvailableRing(boolean high, int half) {
    setUp(queue -> queue.withAvailableRing(withHalf(queue.availableRing(), high, half)));
  }

  void writeUsedRing(boolean high, int half) {
    setUp(queue -> queue.withUsedRing(withHalf(queue.usedRing(), high, half)));
  }

  /** Changes the selected queue, unless it is frozen: once it is enabled, or DRIVER_OK is set. */
  private synchronized void setUp(UnaryOperator<QueueState> change) {
    int index = selected();
    if (index >= 0 && queuesOpen() && !queues[index].ready()) {
      queues[index] = change.apply(queues[index]);
    } else {
      refuse(String.format("queue %d set up in status 0x%x", queueSelect, status.get()));
    }
  }

  private boolean queuesOpen() {
    return (status.get() & (FEATURES_OK | DRIVER_OK)) == FEATURES_OK;
  }

  private static long withHalf(long value, boolean high, int half) {
    return high
        ? (value & 0xffff_ffffL) | ((long) half << 32)
        : (value & ~0xffff_ffffL) | Integer.toUnsignedLong(half);
  }

  // ---- the rest of the registers

  int interruptStatus() {
    return interrupts.get();
  }

  void acknowledgeInterrupt(int reasons) {
    interrupts.acknowledge(reasons);
  }

  /** Has the worker look at all queues. */
  void notifyQueues() {
    worker.wake();
  }

  int configGeneration() {
    return generation.get();
  }

  /** Writes the device's configuration space, once there is a driver. */
  void writeConfig(long offset, int size, long value) {
    if ((status.get() & DRIVER) != 0) {
      device.writeConfig(offset, size, value);
    } else {
      refuse("configuration written without a driver");
    }
  }

  // ---- life cycle

  void pause() {
    worker.pause();
  }

  void resume() {
    // An edge may have been under way when the state was saved; one too many does no harm.
    interrupts.raiseAgain();
    worker.resume();
  }

  void close() {
    device.close();
    worker.close();
  }

  /** Returns how often the driver broke a rule. */
  long faults() {
    return faults.count();
  }

  /** Returns how often the host or the device failed, by no fault of the driver's. */
  long failures() {
    return worker.failures();
  }

  synchronized void saveState(StateWriter writer) {
    writer.u32(device.deviceId()).u32(status.get()).u64(driverFeatures);
    writer.u32(deviceFeaturesSelect).u32(driverFeaturesSelect).u32(queueSelect);
    writer.u32(interrupts.get()).u32(generation.get()).u32(queues.length);
    for (int i = 0; i < queues.length; i++) {
      SplitVirtqueue live = worker.queue(i);
      (live == null ? queues[i] : live.state()).write(writer);
    }
    writer.u32(device.stateVersion());
    device.saveState(writer);
  }

  /** Takes over a state; the worker is paused from now on, until {@link #resume}. */
  synchronized void loadState(StateReader reader) throws StateFormatException {
    reader.u32("device ID", device.deviceId(), device.deviceId());
    int newStatus = reader.u32();
    long newFeatures = reader.u64();
    int newDeviceSelect = reader.u32();
    int newDriverSelect = reader.u32();
    int newQueueSelect = reader.u32();
    int newInterrupts =
        reader.u32(
            "interrupt status", 0, InterruptStatus.USED_BUFFER | InterruptStatus.CONFIGURATION);
    int newGeneration = reader.u32();
    // A device may have got a queue since the state's version was written: its driver knew of none.
    int count = reader.u32("queue count", 1, queues.length);
    QueueState[] newQueues = new QueueState[queues.length];
    Arrays.fill(newQueues, QueueState.RESET);
    for (int i = 0; i < count; i++) {
      newQueues[i] = QueueState.read(reader);
    }
    @Nullable SplitVirtqueue[] live = check(reader, newStatus, newFeatures, newQueues);
    device.loadState(reader, reader.u32("device state version", 1, device.stateVersion()));

    worker.pause();
    status.set(newStatus);
    driverFeatures = newFeatures;
    deviceFeaturesSelect = newDeviceSelect;
    driverFeaturesSelect = newDriverSelect;
    queueSelect = newQueueSelect;
    interrupts.set(newInterrupts);
    generation.set(newGeneration);
    System.arraycopy(newQueues, 0, queues, 0, queues.length);
    if ((newStatus & DRIVER_OK) != 0) {
      device.activate(newFeatures);
      worker.start(live);
    }
  }

  /** Checks what a driver can never have brought about; returns the queues that are to be live. */
  private @Nullable SplitVirtqueue[] check(
      StateReader reader, int newStatus, long newFeatures, QueueState[] newQueues)
      throws StateFormatException {
    if (!DeviceStatus.isConsistent(newStatus)) {
      throw reader.fail(String.format("device status 0x%x is not one", newStatus));
    }
    if ((newStatus & FEATURES_OK) != 0 && !isAcceptable(newFeatures)) {
      throw reader.fail(
          String.format("features 0x%x negotiated, 0x%x offered here", newFeatures, offered));
    }
    boolean isLive = (newStatus & (DRIVER_OK | DEVICE_NEEDS_RESET)) == DRIVER_OK;
    for (QueueState queue : newQueues) {
      boolean moved = queue.nextAvailable() != 0 || queue.nextUsed() != 0;
      if (moved && !(isLive && queue.ready())) {
        throw reader.fail("a queue that is not live has positions");
      }
      if (queue.ready() && (newStatus & FEATURES_OK) == 0) {
        throw reader.fail("a queue is enabled before features are negotiated");
      }
    }
    try {
      return isLive ? bringToLife(newQueues, newFeatures) : new SplitVirtqueue[newQueues.length];
    } catch (VirtqueueException e) {
      throw reader.fail(String.valueOf(e.getMessage()));
    }
  }
}
