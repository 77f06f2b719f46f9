package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What waits for a client is bounded by its bytes. */
@Timeout(30)
class OutgoingQueueTest {
  private static final byte[] HALF = new byte[OutgoingQueue.MAX_BYTES / 2];

  private final OutgoingQueue queue = new OutgoingQueue();

  @Test
  void keepsTheOrderAndSaysWhenAllIsTaken() throws InterruptedException {
    byte[] first = {1};
    byte[] second = {2};
    queue.put(first);
    assertThat(queue.offer(second)).isTrue();
    queue.end();
    assertThat(queue.take()).isSameAs(first);
    assertThat(queue.take()).isSameAs(second);
    assertThat(queue.take()).isNull();
    assertThat(queue.take()).isNull();
  }

  @Test
  void takesSoManyBytesAndNoMore() throws InterruptedException {
    assertThat(queue.offer(HALF)).isTrue();
    assertThat(queue.offer(HALF)).isFalse();
    assertThat(queue.offer(new byte[HALF.length / 2])).isTrue();
    queue.take();
    assertThat(queue.offer(HALF)).isTrue();
  }

  @Test
  void smallMessagesCountToo() {
    int count = 0;
    while (queue.offer(new byte[0])) {
      count++;
    }
    assertThat(count).isLessThan(OutgoingQueue.MAX_BYTES / 16);
  }

  @Test
  void aMessageThatIsLargerThanTheBoundWaitsAlone() throws InterruptedException {
    byte[] large = new byte[2 * OutgoingQueue.MAX_BYTES];
    assertThat(queue.offer(large)).isTrue();
    assertThat(queue.offer(new byte[1])).isFalse();
    assertThat(queue.take()).isSameAs(large);
    queue.put(new byte[1]);
    assertThat(queue.offer(large)).isFalse();
  }

  @Test
  void putWaitsForRoom() throws Exception {
    queue.put(HALF);
    byte[] last = HALF.clone();
    FutureTask<Void> put =
        new FutureTask<>(
            () -> {
              queue.put(last);
              return null;
            });
    Thread putter = Thread.ofPlatform().daemon().start(put);
    await().until(() -> putter.getState() == Thread.State.WAITING);
    queue.take();
    put.get();
    assertThat(queue.take()).isSameAs(last);
  }
}
