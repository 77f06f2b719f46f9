package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.ProcessMappings;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of the mapping when content arrives here and there. */
@Timeout(60)
class AnonymousRamTest {
  private static final long HUGE = 2 << 20;
  private static final long SIZE = 4L << 30;

  /** The kernel lets a process have some 65,000 mappings: a guest must not use them up. */
  @Test
  void contentInEverySecondHugePageTakesNoMappings() throws IOException {
    try (AnonymousRam ram = receiving()) {
      int before = ProcessMappings.count(ram.segment());
      for (long offset = 0; offset + HUGE <= SIZE; offset += 2 * HUGE) {
        ram.populate(offset, HUGE);
        // What the mapping was told stays, the memory need not.
        ram.discard(offset, HUGE);
      }

      assertThat(ProcessMappings.count(ram.segment()) - before).isLessThan(4);
    }
  }

  @Test
  void runsOfAWholeHugePageGetOneAndSmallerOnesDoNot() throws IOException {
    assumeTrue(hasHugePages(), "this kernel has transparent huge pages");
    int runs = 16;
    try (AnonymousRam ram = receiving()) {
      MemorySegment segment = ram.segment();
      segment.set(ValueLayout.JAVA_INT, 4096, 77);
      for (int i = 0; i < runs; i++) {
        ram.populate(2L * i * HUGE, HUGE);
      }
      long huge = ProcessMappings.hugeBytes(segment);
      ram.populate(HUGE, HUGE / 2);
      // A page that is written alone must not bring 511 others, which the guest gave back.
      segment.set(ValueLayout.JAVA_BYTE, (2L * runs + 1) * HUGE, (byte) 1);

      // The run that had a page already keeps small ones, unless khugepaged comes along just then.
      assertThat(huge).isBetween((runs - 1) * HUGE, runs * HUGE);
      assertThat(ProcessMappings.hugeBytes(segment)).isEqualTo(huge);
      assertThat(segment.get(ValueLayout.JAVA_INT, 4096)).isEqualTo(77);
      PageBitmap populated = PageBitmap.allocate(SIZE / RamBlock.PAGE_SIZE);
      ram.addPopulated(0, populated.size(), populated);
      assertThat(populated.cardinality()).isEqualTo(runs * 512L + 256 + 1);
    }
  }

  @Test
  void hugePagesAreAskedForAndNoCoreDumpHoldsGuestRam() throws IOException {
    assumeTrue(hasHugePages(), "this kernel has transparent huge pages");
    try (AnonymousRam ram = new AnonymousRam(SIZE, HostPages.TRANSPARENT_HUGE, false);
        AnonymousRam small = new AnonymousRam(SIZE, HostPages.SMALL, false)) {
      assertThat(ProcessMappings.flags(ram.segment())).contains("hg", "dd").doesNotContain("nh");
      assertThat(ProcessMappings.flags(small.segment())).contains("nh", "dd").doesNotContain("hg");
    }
  }

  /** A guest that has arrived is as fast as one that was booted here. */
  @Test
  void hugePagesAreAskedForAgainWhenTheGuestIsHere() throws IOException {
    assumeTrue(hasHugePages(), "this kernel has transparent huge pages");
    try (AnonymousRam ram = receiving()) {
      assertThat(ProcessMappings.flags(ram.segment())).contains("nh").doesNotContain("hg");
      for (long offset = 0; offset + HUGE <= SIZE; offset += 64 * HUGE) {
        ram.populate(offset, HUGE);
        ram.populate(offset + 2 * HUGE, 4096);
      }
      ram.endReceiving();

      assertThat(ProcessMappings.flags(ram.segment())).contains("hg").doesNotContain("nh");
      assertThat(ProcessMappings.count(ram.segment())).as("in one piece again").isLessThan(4);
      long before = ProcessMappings.hugeBytes(ram.segment());
      ram.segment().set(ValueLayout.JAVA_BYTE, 3 * HUGE + 4096, (byte) 1);
      assertThat(ProcessMappings.hugeBytes(ram.segment()) - before).isEqualTo(HUGE);
    }
  }

  @Test
  void smallPagesStaySmallAtADestination() throws IOException {
    try (AnonymousRam ram = new AnonymousRam(SIZE, HostPages.SMALL, false)) {
      ram.startReceiving();
      ram.populate(0, HUGE);
      ram.endReceiving();
      ram.segment().set(ValueLayout.JAVA_BYTE, HUGE, (byte) 1);
      assertThat(ProcessMappings.hugeBytes(ram.segment())).isZero();
    }
  }

  /** Streams populate at the same time, each what it receives. */
  @Test
  void streamsThatPopulateTogetherLeaveFewMappings() throws Exception {
    int streams = 8;
    try (AnonymousRam ram = receiving();
        ExecutorService threads = Executors.newFixedThreadPool(streams)) {
      List<Future<?>> done = new ArrayList<>();
      for (int stream = 0; stream < streams; stream++) {
        long start = stream * HUGE;
        Callable<Void> work =
            () -> {
              for (long offset = start; offset + HUGE <= SIZE; offset += 2L * streams * HUGE) {
                ram.populate(offset, HUGE);
                ram.discard(offset, HUGE);
              }
              return null;
            };
        done.add(threads.submit(work));
      }
      for (Future<?> future : done) {
        future.get();
      }

      // Parts whose first pages were populated at the same moment cannot be joined again.
      assertThat(ProcessMappings.count(ram.segment())).isLessThan(4 * streams);
    }
  }

  private static AnonymousRam receiving() throws IOException {
    AnonymousRam ram = new AnonymousRam(SIZE, HostPages.TRANSPARENT_HUGE, false);
    ram.startReceiving();
    return ram;
  }

  private static boolean hasHugePages() throws IOException {
    Path enabled = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
    return Files.exists(enabled) && !Files.readString(enabled).contains("[never]");
  }
}
