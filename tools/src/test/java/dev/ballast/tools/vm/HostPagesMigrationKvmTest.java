package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.guest.bare.BareGuestException;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.virtio.balloon.BalloonConfig;
import dev.ballast.vmm.memory.HostPages;
import dev.ballast.vmm.memory.MemfdRam;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.memory.RamConfig.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The bare guest on every kind of host memory: the host has its memory back when the balloon has a
 * whole host page and not before, and the guest moves to another kind and back.
 */
@Tag("kvm")
class HostPagesMigrationKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");
  private static final long MIB = 1 << 20;
  private static final long MEMORY = 128 * MIB;
  private static final long HUGE_PAGES = MEMORY / HugePagePool.PAGE_SIZE;

  /** Pages of 4 KiB in a huge page. */
  private static final long PARTS = 512;

  /** The balloon takes pages from here on, in units of 4 KiB. */
  private static final long FIRST = 64 * MIB / 4096;

  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
  }

  private KvmVirtualMachine machine(String name, Kind kind, HostPages pages, boolean incoming)
      throws IOException {
    RamConfig ram = new RamConfig(MEMORY, kind, pages, kind == Kind.MEMFD && pages.pooled());
    return new BareMachines(directory, MEMORY)
        .make(name, incoming, ram, Optional.of(BalloonConfig.DEFAULT), "");
  }

  private BareGuestConsole console(String name) throws IOException {
    return new BareMachines(directory, MEMORY).console(name);
  }

  private MigrationProgress migrate(KvmVirtualMachine from, KvmVirtualMachine to)
      throws VmException {
    String uri = "unix:" + directory.resolve(to.name() + ".migration");
    to.migration().startIncoming(uri);
    from.migration()
        .setCapabilities(
            Map.of(MigrationCapability.SKIP_BALLOON, true, MigrationCapability.VERIFY, true));
    from.migration().start(uri);
    assertThat(from.migration().progress().status())
        .as("at once")
        .isNotEqualTo(MigrationStatus.NONE);
    await().atMost(TIMEOUT).until(() -> !from.migration().progress().status().underWay());
    MigrationProgress info = from.migration().progress();
    assertThat(info.error()).isEmpty();
    assertThat(info.status()).isEqualTo(MigrationStatus.COMPLETED);
    return info;
  }

  private static long resident(KvmVirtualMachine vm) throws IOException {
    return ResidentMemory.of(vm.machine().memory().ram());
  }

  private static PageBitmap populated(KvmVirtualMachine vm) throws IOException {
    PageBitmap populated = PageBitmap.allocate(MEMORY / 4096);
    vm.machine().memory().backing().addPopulated(populated);
    return populated;
  }

  private static long ballooned(KvmVirtualMachine vm) {
    return vm.balloon().orElseThrow().bitmap().cardinality();
  }

  @ParameterizedTest
  @CsvSource({
    "ANONYMOUS, SMALL, MEMFD, SMALL",
    "MEMFD, SMALL, ANONYMOUS, SMALL",
    "ANONYMOUS, TRANSPARENT_HUGE, MEMFD, TRANSPARENT_HUGE",
    "MEMFD, HUGE_2M, MEMFD, HUGE_2M",
    "ANONYMOUS, HUGE_2M, MEMFD, SMALL",
    "MEMFD, SMALL, ANONYMOUS, HUGE_2M",
  })
  void givesMemoryBackAndMoves(Kind kind, HostPages pages, Kind otherKind, HostPages otherPages)
      throws Exception {
    int pooled = (pages.pooled() ? 2 : 0) + (otherPages.pooled() ? 1 : 0);
    try (HugePagePool _ = pooled == 0 ? null : HugePagePool.grow(pooled * HUGE_PAGES);
        KvmVirtualMachine a = machine("a", kind, pages, false);
        KvmVirtualMachine b = machine("b", otherKind, otherPages, true);
        KvmVirtualMachine c = machine("c", kind, pages, true)) {
      try (BareGuestConsole guest = console("a")) {
        a.cont();
        guest.awaitReady(TIMEOUT);
        guest.send("fill 16M 32M 7", TIMEOUT);
        inflate(a, guest, pages);
      }
      long inBalloon = 8 * PARTS + 100;
      assertThat(ballooned(a)).isEqualTo(inBalloon);

      MigrationProgress first = migrate(a, b);
      assertThat(first.balloon().pagesSkipped()).isEqualTo(pages.pooled() ? 8 * PARTS : inBalloon);
      assertThat(ballooned(b)).isEqualTo(inBalloon);
      try (BareGuestConsole guest = console("b")) {
        guest.send("check 16M 32M 7", TIMEOUT);
        // The host page in which one part comes out is the guest's again, the others are not.
        guest.send("deflate-pfn " + (FIRST + 3) + " 1", TIMEOUT);
        guest.send("fill " + (FIRST + 3) * 4096 + " 4K 9", TIMEOUT);
      }
      MigrationProgress second = migrate(b, c);
      assertThat(second.balloon().pagesSkipped())
          .isEqualTo(otherPages.pooled() ? 7 * PARTS : inBalloon - 1);
      try (BareGuestConsole guest = console("c")) {
        guest.send("check 16M 32M 7", TIMEOUT);
        guest.send("check " + (FIRST + 3) * 4096 + " 4K 9", TIMEOUT);
        guest.send("deflate-pfn " + FIRST + " 3", TIMEOUT);
        guest.send("deflate-pfn " + (FIRST + 4) + " " + (inBalloon - 4), TIMEOUT);
        assertThat(ballooned(c)).isZero();
        guest.send("fill 80M 8M 5", TIMEOUT);
        guest.send("check 80M 8M 5", TIMEOUT);
      }
      assertThat(populated(c).cardinality())
          .as("little more than the guest has written")
          .isBetween(40 * MIB / 4096, 56 * MIB / 4096);
    }
  }

  @Test
  void aGuestThatWantsAHugePageBackThatOthersHaveEndsWithAHint() throws Exception {
    try (HugePagePool _ = HugePagePool.grow(HUGE_PAGES);
        KvmVirtualMachine a = machine("a", Kind.MEMFD, HostPages.HUGE_2M, false);
        BareGuestConsole guest = console("a")) {
      a.cont();
      guest.awaitReady(TIMEOUT);
      guest.send("fill 64M 2M 8", TIMEOUT);
      guest.send("free 64M 2M", TIMEOUT);
      guest.send("inflate-pfn " + FIRST + " " + PARTS, TIMEOUT);
      long free = HugePagePool.available();
      assertThat(free).isPositive();
      try (MemfdRam others = new MemfdRam(free * HugePagePool.PAGE_SIZE, HostPages.HUGE_2M, true)) {
        assertThat(others.segment().byteSize()).isPositive();
        guest.send("deflate-pfn " + FIRST + " 1", TIMEOUT);
        // It never answers.
        assertThatThrownBy(() -> guest.ask("fill 64M 4K 9", Duration.ofSeconds(1)))
            .isInstanceOf(BareGuestException.class);
        await().atMost(TIMEOUT).until(a.end()::isDone);
        assertThat(a.end().join().exitCode()).isEqualTo(1);
        assertThat(a.end().join().message()).contains("KVM_RUN", "others have taken from the pool");
      }
    }
  }

  /**
   * Puts eight huge pages and 100 pages of a ninth into the balloon; the guest has touched them.
   */
  private static void inflate(KvmVirtualMachine vm, BareGuestConsole guest, HostPages pages)
      throws IOException, InterruptedException {
    guest.send("fill 64M 32M 8", TIMEOUT);
    guest.send("free 64M 32M", TIMEOUT);
    long before = resident(vm);
    long free = pages.pooled() ? HugePagePool.available() : 0;

    guest.send("inflate-pfn " + FIRST + " " + (PARTS - 1), TIMEOUT);
    long partly = before - resident(vm);
    guest.send("inflate-pfn " + (FIRST + PARTS - 1) + " 1", TIMEOUT);
    long whole = before - resident(vm);
    guest.send("inflate-pfn " + (FIRST + PARTS) + " " + (7 * PARTS + 100), TIMEOUT);
    long all = before - resident(vm);

    assertThat(populated(vm).cardinality(FIRST, 8 * PARTS)).as("not even in the file").isZero();
    if (pages.pooled()) {
      assertThat(partly).as("a part of a host page").isZero();
      assertThat(whole).isEqualTo(HugePagePool.PAGE_SIZE);
      assertThat(all).isEqualTo(8 * HugePagePool.PAGE_SIZE);
      assertThat(HugePagePool.available() - free).as("free for others").isEqualTo(8);
    } else {
      assertThat(partly).isEqualTo((PARTS - 1) * 4096);
      assertThat(whole).isEqualTo(PARTS * 4096);
      assertThat(all).isEqualTo((8 * PARTS + 100) * 4096);
    }
  }
}
