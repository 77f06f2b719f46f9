package dev.ballast.vmm.thread;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BatchTest {
  private static final int THREADS = 100;

  private final List<ExecutorService> threads = new ArrayList<>();

  BatchTest() {
    for (int i = 0; i < THREADS; i++) {
      threads.add(Executors.newSingleThreadExecutor(Thread.ofPlatform().name("own" + i).factory()));
    }
  }

  @AfterEach
  void close() {
    threads.forEach(ExecutorService::close);
  }

  @Test
  void runsOnceOnEachThreadAndOnAllAtTheSameTime() throws IOException {
    Set<String> ran = ConcurrentHashMap.newKeySet();
    CountDownLatch all = new CountDownLatch(THREADS);
    Batch.run(
        threads,
        index -> {
          all.countDown();
          Threads.awaitUninterruptibly(all);
          assertThat(Thread.currentThread().getName()).isEqualTo("own" + index);
          assertThat(ran.add(Thread.currentThread().getName())).isTrue();
        });
    assertThat(ran).hasSize(THREADS);
  }

  @Test
  void reportsTheFirstFailureInOrderAndFinishesTheRest() {
    AtomicInteger ran = new AtomicInteger();
    assertThatThrownBy(
            () ->
                Batch.run(
                    threads,
                    index -> {
                      ran.incrementAndGet();
                      if (index % 10 == 7) {
                        throw new IOException("thread " + index);
                      }
                    }))
        .isInstanceOf(IOException.class)
        .hasMessage("thread 7");
    assertThat(ran).hasValue(THREADS);
  }

  @Test
  void aDefectIsNotSwallowed() {
    assertThatThrownBy(
            () ->
                Batch.run(
                    threads,
                    index -> {
                      throw new AssertionError("defect " + index);
                    }))
        .isInstanceOf(AssertionError.class)
        .hasMessage("defect 0");
  }

  @Test
  void aThreadThatHasEndedIsAFailureAndNotAWaitForEver() {
    threads.get(3).close();
    AtomicInteger ran = new AtomicInteger();
    assertThatThrownBy(() -> Batch.run(threads, index -> ran.incrementAndGet()))
        .isInstanceOf(IOException.class);
    assertThat(ran).hasValue(THREADS - 1);
  }

  @Test
  void anInterruptDoesNotEndTheWait() throws IOException {
    Thread.currentThread().interrupt();
    AtomicInteger ran = new AtomicInteger();
    Batch.run(threads, index -> ran.incrementAndGet());
    assertThat(Thread.interrupted()).isTrue();
    assertThat(ran).hasValue(THREADS);
  }
}
