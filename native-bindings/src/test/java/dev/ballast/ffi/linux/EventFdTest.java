package dev.ballast.ffi.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class EventFdTest {
  @Test
  void countsSignalsUntilTheyAreRead() throws Exception {
    try (EventFd event = EventFd.create(true)) {
      assertThat(event.tryRead()).isZero();
      event.signal();
      event.signal();
      assertThat(event.tryRead()).isEqualTo(2);
      assertThat(event.tryRead()).isZero();
      assertThatThrownBy(event::await)
          .isInstanceOf(ErrnoException.class)
          .hasMessageContaining("EAGAIN");
    }
  }

  @Test
  void awaitWaitsForASignalFromAnotherThread() throws Exception {
    try (EventFd event = EventFd.create(false)) {
      CompletableFuture<Long> taken = new CompletableFuture<>();
      Thread reader =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try {
                      taken.complete(event.await());
                    } catch (ErrnoException e) {
                      taken.completeExceptionally(e);
                    }
                  });
      event.signal();
      assertThat(taken).succeedsWithin(Duration.ofSeconds(10)).isEqualTo(1L);
      reader.join();
    }
  }

  @Test
  void closingTwiceDoesNothing() throws Exception {
    EventFd event = EventFd.create(false);
    event.close();
    event.close();
    assertThatThrownBy(event::tryRead).isInstanceOf(IllegalStateException.class);
  }
}
