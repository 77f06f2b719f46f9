package dev.ballast.virtio.transport;

import dev.ballast.virtio.queue.DescriptorChain;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.concurrent.CountDownLatch;
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
  private final AtomicReference<CountDownLatch> queueCountGate =
      new AtomicReference<>(new CountDownLatch(0));

  volatile long activatedWith = -1;
  private volatile @Nullable Thread free;
  private volatile long config = 0x8877_6655_4433_2211L;
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

  /**
   * Stops the worker before it looks at the queues, until {@link #letQueueCountGo}. The calling
   * thread is not stopped.
   */
  void holdQueueCount() {
    free = Thread.currentThread();
    queueCountGate.set(new CountDownLatch(1));
  }

  void letQueueCountGo() {
    queueCountGate.get().countDown();
  }

  void changeConfig(long value) {
    config = value;
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
    if (Thread.currentThread() != free) {
      try {
        queueCountGate.get().await();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
    return 2;
  }

  @Override
  public int maxQueueSize(int queue) {
    return queue == 0 ? 16 : 64;
  }

  @Override
  public long readConfig(long offset, int size) {
    return size == 4 ? (config >>> (offset * 8)) & 0xffff_ffffL : config;
  }

  @Override
  public void writeConfig(long offset, int size, long value) {
    config = value;
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
    }
    busy.set(false);
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
    writer.u64(config);
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    config = reader.u64();
  }
}
