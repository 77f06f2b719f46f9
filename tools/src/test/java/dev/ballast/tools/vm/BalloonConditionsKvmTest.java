package dev.ballast.tools.vm;

import static dev.ballast.tools.vm.BareGuests.TIMEOUT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.virtio.balloon.BalloonConfig;
import dev.ballast.vmm.memory.RamBlock;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * When ballooned pages may not be left out, none is: the bitmap does not move, the reason is said,
 * the memory is right all the same, and the destination tracks from then on.
 */
@Tag("kvm")
class BalloonConditionsKvmTest {
  private static final int PAGES = 5000;

  @TempDir Path directory;
  private BareGuests machines;

  @BeforeEach
  void make() {
    machines = new BareGuests(directory);
  }

  @AfterEach
  void close() throws Exception {
    machines.close();
  }

  /** Moves a guest that has a balloon, and returns it where it arrived. */
  private KvmVirtualMachine move(
      Optional<BalloonConfig> config, String words, boolean capability, Optional<String> reason)
      throws Exception {
    KvmVirtualMachine a = machines.make("a", false, config, words);
    KvmVirtualMachine b = machines.make("b", true, config, words);
    BareGuestConsole guest = machines.boot(a);
    guest.send("fill 16M 32M 7", TIMEOUT);
    if (config.isPresent()) {
      guest.send("inflate " + PAGES, TIMEOUT);
      assertThat(BareGuests.ballooned(a)).isEqualTo(PAGES);
    }
    Path target = machines.socket("b.migration");
    b.migration().startIncoming("unix:" + target);
    Path listen = machines.socket("proxy");
    try (RecordingProxy proxy = new RecordingProxy(listen, target)) {
      machines.startMigration(a, "unix:" + listen, capability);
      MigrationProgress info = machines.awaitArrival(a, b);
      long size = proxy.config().sizeOf(RamBlock.BALLOON_BITMAP).orElse(0L);
      assertThat(info.balloon().active()).isEqualTo(reason.isEmpty());
      assertThat(info.balloon().reason()).isEqualTo(reason.orElse(""));
      if (reason.isPresent()) {
        assertThat(size).isZero();
        assertThat(proxy.bitmapFrames()).isZero();
        assertThat(info.balloon().pagesSkipped()).isZero();
        assertThat(info.balloon().bitmapBytes()).isZero();
      } else {
        assertThat(size).isEqualTo(b.machine().ramBlocks().getLast().size());
        assertThat(proxy.bitmapFrames()).isPositive();
        assertThat(info.balloon().pagesSkipped()).isEqualTo(PAGES);
      }
    }
    machines.console(b).send("check 16M 32M 7", TIMEOUT);
    return b;
  }

  /** The destination knows of no page, and of every page that comes or goes from now on. */
  private void assertTracksFromNowOn(KvmVirtualMachine b) throws Exception {
    assertThat(BareGuests.ballooned(b)).isZero();
    BareGuestConsole guest = machines.console(b);
    guest.send("inflate 300", TIMEOUT);
    assertThat(BareGuests.ballooned(b)).isEqualTo(300);
    guest.send("deflate " + (PAGES + 300), TIMEOUT);
    assertThat(BareGuests.ballooned(b)).isZero();
    guest.send("inflate 400", TIMEOUT);
    BareGuests.assertBitmapIsExact(b);
  }

  @Test
  void allThreeConditionsHold() throws Exception {
    KvmVirtualMachine b = move(Optional.of(BalloonConfig.DEFAULT), "", true, Optional.empty());
    BareGuests.assertBitmapIsExact(b);
  }

  @Test
  void noBalloonDevice() throws Exception {
    move(Optional.empty(), "", true, Optional.of("no balloon device"));
  }

  @Test
  void theCapabilityIsOff() throws Exception {
    KvmVirtualMachine b =
        move(
            Optional.of(BalloonConfig.DEFAULT),
            "",
            false,
            Optional.of("capability skip-balloon is off"));
    assertTracksFromNowOn(b);
    KvmVirtualMachine c = machines.destination("c");
    MigrationProgress second = machines.migrate(b, c, true);
    assertThat(second.balloon().active()).isTrue();
    assertThat(second.balloon().pagesSkipped()).isEqualTo(400);
  }

  @Test
  void theDriverDeclinesToTellTheHost() throws Exception {
    KvmVirtualMachine b =
        move(
            Optional.of(BalloonConfig.DEFAULT),
            "must_tell_host=off",
            true,
            Optional.of("the driver did not negotiate VIRTIO_BALLOON_F_MUST_TELL_HOST"));
    assertTracksFromNowOn(b);
  }

  @Test
  void theDeviceDoesNotAskToBeTold() throws Exception {
    KvmVirtualMachine b =
        move(
            Optional.of(new BalloonConfig(false, true, true)),
            "",
            true,
            Optional.of("the driver did not negotiate VIRTIO_BALLOON_F_MUST_TELL_HOST"));
    assertTracksFromNowOn(b);
  }
}
