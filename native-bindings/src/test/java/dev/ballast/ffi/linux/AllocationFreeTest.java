package dev.ballast.ffi.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.ballast.ffi.Allocation;
import org.junit.jupiter.api.Test;

/** The calls of the page path and of kicks leave no garbage. */
class AllocationFreeTest {
  private static final long PAGE = Pagemap.PAGE_SIZE;
  private static final int TIMES = 1000;

  @Test
  void signallingAndReadingEvents() throws Exception {
    try (EventFd event = EventFd.create(true)) {
      Allocation.assertNone(
          TIMES,
          () -> {
            event.signal();
            event.tryRead();
          });
    }
  }

  @Test
  void discardingPages() throws Exception {
    try (Mapping mapping = Mapping.anonymous(PAGE, true);
        FileDescriptor file = Memfd.create("ballast-test", PAGE, 0)) {
      Allocation.assertNone(
          TIMES,
          () -> {
            Madvise.dontNeed(mapping.segment(), 0, PAGE);
            Fallocate.punchHole(file, 0, PAGE);
          });
    }
  }

  @Test
  void lookingForPopulatedPages() throws Exception {
    try (Mapping mapping = Mapping.anonymous(64 * PAGE, true);
        Pagemap pagemap = Pagemap.open(false)) {
      mapping.segment().set(JAVA_BYTE, 5 * PAGE, (byte) 1);
      Allocation.assertNone(
          TIMES, () -> pagemap.populated(mapping.address(), 64, (first, count) -> {}));
    }
  }

  @Test
  void kicking() throws Exception {
    ThreadKick.install();
    Allocation.assertNone(TIMES, () -> ThreadKick.kick(ThreadKick.currentThreadId()));
  }
}
