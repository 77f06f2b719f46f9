package dev.ballast.virtio.transport;

import dev.ballast.virtio.queue.DescriptorChain;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A device that gives every chain back, one a batch, and that a test can hold in the middle of one.
 */
final class EchoDevice implements VirtioDevice {
  static final long FEATURE = 1L << 3;

  final AtomicInteger handled = new AtomicInteger();
  final AtomicInteger resets = new AtomicInteger();
  final AtomicBoolean busy = new AtomicBoolean();

  /** Each batch passes it. */
  private final ReentrantLock gate = new ReentrantLock();

  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  volatile long activatedWith = -1;
  private final ConfigSpace config = new ConfigSpace(Long.BYTES).writable(0, Long.BYTES);
  private Runnable configChanged = () -> {};

  /** Stops the next batch in the middle, until the same thread calls {@link #letGo}. */
  void hold() {
    gate.lock();
  }

  void letGo() {
    if (gate.isHeldByCurrentThread()) {
      gate.unlock();
    }
  }

  /** Makes batches fail with an unchecked exception or an error; null ends that. */
  void fail(@Nullable Throwable with) {
    failure.set(with);
  }

  EchoDevice() {
    setConfig(0x8877_6655_4433_2211L);
  }

  private void setConfig(long value) {
    config.u32(0, (int) value);
    config.u32(Integer.BYTES, (int) (value >>> Integer.SIZE));
  }

  void changeConfig(long value) {
    setConfig(value);
    configChanged.run();
  }

  @Override
  public int deviceId() {
    return 42;
  }

  @Override
  public long features() {
    return FEATURE | VirtioFeature.INDIRECT_DESC | VirtioFeature.EVENT_IDX;
  }

  @Override
  public int queueCount() {
    return 2;
  }

  @Override
  public int maxQueueSize(int queue) {
    return queue == 0 ? 16 : 64;
  }

  @Override
  public ConfigSpace config() {
    return config;
  }

  @Override
  public void onConfigChange(Runnable notify) {
    configChanged = notify;
  }

  @Override
  public void activate(long negotiated) {
    activatedWith = negotiated;
  }

  @Override
  public boolean process(int queue, SplitVirtqueue virtqueue) throws VirtqueueException {
    DescriptorChain chain = virtqueue.next();
    if (chain == null) {
      return false;
    }
    switch (failure.get()) {
      case null -> {}
      case Error error -> throw error;
      case RuntimeException exception -> throw exception;
      case Throwable other -> throw new AssertionError(other);
    }
    busy.set(true);
    gate.lock();
    try {
      virtqueue.complete(chain.head(), 0);
      handled.incrementAndGet();
    } finally {
      gate.unlock();
      busy.set(false);
    }
    return true;
  }

  @Override
  public void reset() {
    if (busy.get()) {
      throw new AssertionError("reset in the middle of a batch");
    }
    resets.incrementAndGet();
  }

  @Override
  public int stateVersion() {
    return 3;
  }

  @Override
  public void saveState(StateWriter writer) {
    writer.u32(config.u32(0)).u32(config.u32(Integer.BYTES));
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    setConfig(reader.u64());
  }
}
