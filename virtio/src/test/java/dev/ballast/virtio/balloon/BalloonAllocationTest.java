package dev.ballast.virtio.balloon;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.ffi.Allocation;
import dev.ballast.virtio.mock.MockBalloonDriver;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.vmm.memory.AnonymousRam;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * The thread that serves the balloon, from the notification over the rings, the page frame numbers,
 * the host's madvise and the bitmap to the interrupt, leaves no garbage.
 */
class BalloonAllocationTest {
  /**
   * The JDK leaves a segment for a downcall that is not compiled for good, and reading an eventfd a
   * few times a round need not be. An object a page would be thirty times as much.
   */
  private static final long KICKS_BYTES = 16 << 10;

  private static final String DEVICE = "balloon0";
  private static final long RAM = 128L << 20;
  private static final long DRIVER_BASE = 0x10_0000;
  private static final int QUEUE_SIZE = 64;
  private static final int PFNS_PER_CHAIN = 256;
  private static final int FIRST_PFN = 0x1000;

  private final GuestMemory memory;
  private final MockTransport mock;
  private final BalloonDevice balloon;
  private final MockDriver driver;
  private final MockBalloonDriver guest;

  BalloonAllocationTest() throws IOException {
    memory = new GuestMemory(new AnonymousRam(RAM, false));
    balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
    mock = new MockTransport(DEVICE, memory, balloon);
    driver = new MockDriver(memory, mock.registers(), DRIVER_BASE);
    guest =
        new MockBalloonDriver(
            driver,
            VirtioFeature.VERSION_1 | BalloonDevice.MUST_TELL_HOST | VirtioFeature.EVENT_IDX,
            QUEUE_SIZE);
  }

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  @Test
  void ascendingPagesLeaveNoGarbage() throws Exception {
    assertNoGarbage(chain -> FIRST_PFN + (long) chain * PFNS_PER_CHAIN, false);
  }

  @Test
  void chainsOfAscendingPagesInAnyOrderLeaveNoGarbage() throws Exception {
    assertNoGarbage(chain -> FIRST_PFN + (chain * 37L % QUEUE_SIZE) * PFNS_PER_CHAIN, false);
  }

  @Test
  void pagesInAnyOrderLeaveNoGarbage() throws Exception {
    assertNoGarbage(chain -> FIRST_PFN + (long) chain * PFNS_PER_CHAIN, true);
  }

  /** The first page frame number of each chain. */
  @FunctionalInterface
  private interface Layout {
    long first(int chain);
  }

  private void assertNoGarbage(Layout layout, boolean shuffle) throws Exception {
    SplittableRandom random = new SplittableRandom(7);
    MockBuffer[] chains = new MockBuffer[QUEUE_SIZE];
    for (int chain = 0; chain < QUEUE_SIZE; chain++) {
      long[] pfns = new long[PFNS_PER_CHAIN];
      for (int i = 0; i < PFNS_PER_CHAIN; i++) {
        pfns[i] = layout.first(chain) + i;
      }
      for (int i = PFNS_PER_CHAIN - 1; shuffle && i > 0; i--) {
        int other = random.nextInt(i + 1);
        long swapped = pfns[i];
        pfns[i] = pfns[other];
        pfns[other] = swapped;
      }
      chains[chain] = guest.array(pfns);
    }
    send(BalloonDevice.INFLATE_QUEUE, guest.inflateQueue(), chains);
    send(BalloonDevice.DEFLATE_QUEUE, guest.deflateQueue(), chains);
    Allocation.assertAtMost(
        KICKS_BYTES,
        worker(),
        () -> {
          sendAgain(BalloonDevice.INFLATE_QUEUE, guest.inflateQueue());
          sendAgain(BalloonDevice.DEFLATE_QUEUE, guest.deflateQueue());
        });
    long pages = (long) QUEUE_SIZE * PFNS_PER_CHAIN;
    assertThat(balloon.metrics().inflatedPages()).isGreaterThanOrEqualTo(2 * pages);
    assertThat(balloon.metrics().deflatedPages()).isGreaterThanOrEqualTo(2 * pages);
  }

  private void send(int index, MockQueue queue, MockBuffer... chains) {
    for (MockBuffer chain : chains) {
      queue.add(chain);
    }
    driver.notifyQueue(index);
    queue.awaitAllUsed();
  }

  /** Makes all chains available once more: the rings still name them. */
  private void sendAgain(int index, MockQueue queue) {
    queue.setAvailableIndex(queue.availableIndex() + QUEUE_SIZE);
    driver.notifyQueue(index);
    queue.awaitAllUsed();
  }

  private static Thread worker() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith(DEVICE))
        .findAny()
        .orElseThrow();
  }
}
