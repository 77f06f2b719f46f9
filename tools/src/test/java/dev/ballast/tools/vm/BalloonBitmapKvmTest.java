package dev.ballast.tools.vm;

import static dev.ballast.tools.vm.BareGuests.MEMORY;
import static dev.ballast.tools.vm.BareGuests.TIMEOUT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpServer;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.file.Path;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The bitmap of a guest on the real KVM is what the guest has given, whatever it went through, and
 * a migration that relies on it is right.
 */
@Tag("kvm")
class BalloonBitmapKvmTest {
  private static final long PAGES = MEMORY / RamBlock.PAGE_SIZE;

  @TempDir Path directory;
  private BareGuests machines;
  private KvmVirtualMachine vm;
  private BareGuestConsole guest;

  @BeforeEach
  void boot() throws Exception {
    machines = new BareGuests(directory);
    vm = machines.source("a", "");
    guest = machines.boot(vm);
    guest.send("fill 16M 32M 7", TIMEOUT);
  }

  @AfterEach
  void close() throws Exception {
    machines.close();
  }

  private void assertBallooned(long pages) {
    assertThat(BareGuests.ballooned(vm)).isEqualTo(pages);
    BareGuests.assertBitmapIsExact(vm);
  }

  /** Moves the guest on: what is in the balloon stays behind, all else arrives. */
  private void move(String to, long skipped) throws Exception {
    KvmVirtualMachine there = machines.destination(to);
    MigrationProgress info = machines.migrate(vm, there, true);
    assertThat(info.balloon().active()).isTrue();
    assertThat(info.balloon().pagesSkipped()).isEqualTo(skipped);
    vm = there;
    guest = machines.console(there);
    guest.send("check 16M 32M 7", TIMEOUT);
    assertBallooned(skipped);
  }

  @Test
  void pagesThatComeTwiceCountOnceAndUnexpectedOnesNotAtAll() throws Exception {
    guest.send("inflate-pfn 0x8000 500", TIMEOUT);
    guest.send("inflate-pfn 0x8000 100 0", TIMEOUT);
    guest.send("inflate-pfn 0x8100 300", TIMEOUT);
    assertBallooned(556);
    guest.send("deflate-pfn 0x9000 100", TIMEOUT);
    guest.send("deflate-pfn 0x8000 8 0", TIMEOUT);
    assertBallooned(555);
    assertThat(vm.balloonDevice().orElseThrow().metrics().repeatedPages()).isPositive();
    assertThat(vm.balloonDevice().orElseThrow().metrics().unexpectedDeflatedPages()).isPositive();
    move("b", 555);
    guest.send("deflate-pfn 0x8001 555", TIMEOUT);
    assertBallooned(0);
  }

  @Test
  void pfnsOutsideRamChangeNothing() throws Exception {
    guest.send("inflate 1000", TIMEOUT);
    long hole = AddressMap.MMIO_HOLE >> 12;
    long[][] outside = {
      {0xffff_ffffL, 1},
      {0xffff_ff00L, 256},
      {hole, 300},
      {0xd0000, 8},
      {0xfee00, 1},
      {PAGES, 100},
      {0x8000_0000L, 300},
      {0x100000, 10}
    };
    long bad = 0;
    for (long[] range : outside) {
      guest.send("inflate-pfn 0x%x %d".formatted(range[0], range[1]), TIMEOUT);
      guest.send("deflate-pfn 0x%x %d".formatted(range[0], range[1]), TIMEOUT);
      bad += 2 * range[1];
      assertThat(vm.balloonDevice().orElseThrow().metrics().badPfns()).isEqualTo(bad);
    }
    // The last page of RAM, and the first one after it.
    guest.send("inflate-pfn 0x%x 2".formatted(PAGES - 1), TIMEOUT);
    long expected = BareGuests.ballooned(vm);
    assertThat(vm.balloon().orElseThrow().bitmap().get(PAGES - 1)).isTrue();
    assertBallooned(expected);
    assertThat(BareGuests.transport(vm).faults()).isZero();
    move("b", expected);
  }

  @Test
  void aResetOfTheDeviceEmptiesTheBalloonAndItsPagesMove() throws Exception {
    guest.send("inflate-pfn 0x8000 1000", TIMEOUT);
    assertBallooned(1000);
    guest.send("reset-balloon", TIMEOUT);
    assertBallooned(0);
    guest.send("fill 128M 4M 9", TIMEOUT);
    guest.send("inflate 200", TIMEOUT);
    move("b", 200);
    guest.send("check 128M 4M 9", TIMEOUT);
  }

  @Test
  void withoutADriverNothingIsSkippedAndTheReasonIsSaid() throws Exception {
    guest.send("inflate-pfn 0x8000 1000", TIMEOUT);
    guest.send("auto off", TIMEOUT);
    guest.send("poke 0xd0000070 0", TIMEOUT);
    assertThat(BareGuests.ballooned(vm)).isZero();
    KvmVirtualMachine there = machines.destination("b");
    MigrationProgress info = machines.migrate(vm, there, true);
    assertThat(info.balloon().active()).isFalse();
    assertThat(info.balloon().reason()).isEqualTo("no driver uses the balloon");
    BareGuestConsole onB = machines.console(there);
    onB.send("reset-balloon", TIMEOUT);
    onB.send("inflate 100", TIMEOUT);
    assertThat(BareGuests.ballooned(there)).isEqualTo(100);
  }

  @Test
  void aGuestThatRebootsStartsWithAnEmptyBalloon() throws Exception {
    guest.send("inflate 5000", TIMEOUT);
    assertBallooned(5000);
    guest.send("reboot", TIMEOUT);
    guest.awaitReady(TIMEOUT);
    assertBallooned(0);
    guest.send("fill 16M 32M 7", TIMEOUT);
    guest.send("inflate 700", TIMEOUT);
    move("b", 700);
  }

  @Test
  void aResetByTheHostEmptiesTheBalloonAndKeepsItsTarget() throws Exception {
    BalloonControl balloon = vm.balloon().orElseThrow();
    balloon.setTarget(MEMORY / 2);
    await().atMost(TIMEOUT).until(() -> balloon.actualBytes() == MEMORY / 2);
    vm.stop();
    vm.reset();
    assertThat(BareGuests.ballooned(vm)).isZero();
    assertThat(balloon.actualBytes()).isEqualTo(MEMORY);
    vm.cont();
    guest.awaitReady(TIMEOUT);
    await().atMost(TIMEOUT).until(() -> balloon.actualBytes() == MEMORY / 2);
    assertBallooned(PAGES / 2);
    guest.send("fill 16M 32M 7", TIMEOUT);
    move("b", PAGES / 2);
  }

  @Test
  void theControlSocketTellsPagesRunsAndAChecksumThatMove() throws Exception {
    guest.send("inflate-pfn 0x8000 100", TIMEOUT);
    guest.send("inflate-pfn 0x9000 50", TIMEOUT);
    JsonNode before = query();
    assertThat(before.path("pages").asLong()).isEqualTo(150);
    assertThat(before.path("runs").asLong()).isEqualTo(2);
    byte[] words = new byte[(int) (PAGES / 8)];
    PageBitmap bitmap = vm.balloon().orElseThrow().bitmap();
    for (int page = 0; page < PAGES; page++) {
      words[page / 8] |= (byte) (bitmap.get(page) ? 1 << page % 8 : 0);
    }
    CRC32C crc = new CRC32C();
    crc.update(words);
    assertThat(before.path("checksum").asText()).isEqualTo("%08x".formatted(crc.getValue()));
    move("b", 150);
    assertThat(query()).isEqualTo(before);
    guest.send("deflate-pfn 0x8000 1", TIMEOUT);
    assertThat(query().path("checksum")).isNotEqualTo(before.path("checksum"));
  }

  private JsonNode query() throws Exception {
    Path socket = machines.socket(vm.name() + ".qmp");
    try (QmpServer _ = QmpServer.start(vm, socket);
        QmpClient client = QmpClient.connect(socket)) {
      return client.command("x-query-balloon-bitmap");
    }
  }
}
