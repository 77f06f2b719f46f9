package dev.ballast.virtio.plugged;

import dev.ballast.virtio.queue.DescriptorChain;
import dev.ballast.virtio.queue.SplitVirtqueue;
import dev.ballast.virtio.queue.VirtqueueException;
import dev.ballast.virtio.transport.ConfigSpace;
import dev.ballast.virtio.transport.VirtioDevice;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** A source of random numbers (virtio v1.3 §5.4) that are the same for the same seed. */
final class EntropyDevice implements VirtioDevice {
  static final int DEVICE_ID = 4;
  static final int REQUEST_BYTES = 64;

  private final ConfigSpace config = new ConfigSpace(0);
  private Random random;
  private long next;

  EntropyDevice(long seed) {
    this.next = seed;
    this.random = new Random(seed);
  }

  /** Returns the bytes that follow. */
  static byte[] bytes(Random from) {
    byte[] bytes = new byte[REQUEST_BYTES];
    from.nextBytes(bytes);
    return bytes;
  }

  @Override
  public int deviceId() {
    return DEVICE_ID;
  }

  @Override
  public long features() {
    return 0;
  }

  @Override
  public int queueCount() {
    return 1;
  }

  @Override
  public int maxQueueSize(int queue) {
    return 16;
  }

  @Override
  public ConfigSpace config() {
    return config;
  }

  @Override
  public void activate(long negotiated) {}

  @Override
  public boolean process(int queue, SplitVirtqueue virtqueue) throws VirtqueueException {
    DescriptorChain chain = virtqueue.next();
    if (chain == null) {
      return false;
    }
    if (chain.readableBytes() > 0) {
      throw new VirtqueueException("a request for random numbers that has something to say");
    }
    chain.writer().write(MemorySegment.ofArray(bytes(random)));
    virtqueue.complete(chain.head(), chain.writer().written());
    next++;
    random = new Random(next);
    return true;
  }

  @Override
  public void reset() {}

  @Override
  public int stateVersion() {
    return 1;
  }

  @Override
  public void saveState(StateWriter writer) {
    writer.u64(next);
  }

  @Override
  public void loadState(StateReader reader, int version) throws StateFormatException {
    next = reader.u64();
    random = new Random(next);
  }
}
