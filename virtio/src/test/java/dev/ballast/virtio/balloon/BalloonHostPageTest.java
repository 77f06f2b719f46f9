package dev.ballast.virtio.balloon;

import static dev.ballast.virtio.balloon.BalloonDevice.MUST_TELL_HOST;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.virtio.mock.MockBalloonDriver;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.mock.SparseRam.Discard;
import dev.ballast.virtio.transport.VirtioFeature;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageBitmap;
import java.util.BitSet;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The balloon on host pages of 2 MiB. */
@Timeout(120)
class BalloonHostPageTest {
  private static final int PAGE = 4096;
  private static final int HOST_PAGE = 2 << 20;

  /** Pages of 4 KiB in a host page. */
  private static final int PARTS = HOST_PAGE / PAGE;

  private static final int HOST_PAGES = 16;
  private static final long DRIVER_BASE = 0x10_0000;

  /** The driver's rings and buffers are below. */
  private static final int FIRST_HOST_PAGE = 8;

  private static final int FIRST = FIRST_HOST_PAGE * PARTS;
  private static final int PAGES = HOST_PAGES * PARTS;

  private final SparseRam ram = new SparseRam((long) HOST_PAGES * HOST_PAGE, HOST_PAGE);
  private final GuestMemory memory = new GuestMemory(ram);
  private final BalloonDevice balloon = new BalloonDevice(memory, BalloonConfig.DEFAULT);
  private final PageBitmap bitmap = balloon.bitmap().excluded();
  private final MockTransport mock = new MockTransport("balloon0", memory, balloon);
  private final MockDriver driver = new MockDriver(memory, mock.registers(), DRIVER_BASE);

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  private MockBalloonDriver start(long without) {
    return new MockBalloonDriver(
        driver, (balloon.features() & ~without) | VirtioFeature.VERSION_1, 64);
  }

  private static long[] pages(long first, long count) {
    return LongStream.range(first, first + count).toArray();
  }

  private void touch(long page) {
    driver.guest().put64(page * PAGE, page);
  }

  private boolean holdsContent(long page) {
    return driver.guest().get32(page * PAGE) != 0;
  }

  @Test
  void aHostPageGoesWithItsLastPart() {
    MockBalloonDriver guest = start(0);
    touch(FIRST + 1);
    guest.inflate(pages(FIRST + 1, PARTS - 1));
    assertThat(ram.discards()).isEmpty();
    assertThat(holdsContent(FIRST + 1)).as("the rest of the host page is in use").isTrue();
    assertThat(bitmap.cardinality()).isEqualTo(PARTS - 1);
    memory.vmmDirty().clearAll();

    guest.inflate(FIRST);

    assertThat(ram.discards())
        .containsExactly(new Discard((long) FIRST_HOST_PAGE * HOST_PAGE, HOST_PAGE));
    assertThat(bitmap.cardinality()).isEqualTo(PARTS);
    assertThat(memory.vmmDirty().cardinality(FIRST, PARTS))
        .as("all of it became zero")
        .isEqualTo(PARTS);
    assertThat(balloon.metrics().inflatedPages()).isEqualTo(PARTS);
  }

  @Test
  void aRunGivesTheHostPagesThatItCoversOrCompletes() {
    MockBalloonDriver guest = start(0);
    guest.inflate(pages(FIRST, 10));
    guest.inflate(pages(FIRST + 4 * PARTS - 7, 7));

    guest.inflate(pages(FIRST + 10, 4 * PARTS - 17));
    guest.inflate(pages(FIRST + 5 * PARTS + 1, 2 * PARTS));

    assertThat(ram.discards())
        .containsExactly(
            new Discard((long) FIRST_HOST_PAGE * HOST_PAGE, 4L * HOST_PAGE),
            new Discard((FIRST_HOST_PAGE + 6L) * HOST_PAGE, HOST_PAGE));
    assertThat(bitmap.cardinality()).isEqualTo(6 * PARTS);
  }

  @Test
  void theFirstPartThatComesOutBringsItBack() {
    MockBalloonDriver guest = start(0);
    guest.inflate(pages(FIRST, PARTS));

    guest.deflate(FIRST + 100);
    touch(FIRST + 100);
    guest.inflate(FIRST + PARTS);
    assertThat(holdsContent(FIRST + 100)).isTrue();
    assertThat(ram.discards()).hasSize(1);
    assertThat(bitmap.cardinality(FIRST, PARTS)).isEqualTo(PARTS - 1);

    guest.inflate(FIRST + 100);
    assertThat(holdsContent(FIRST + 100)).isFalse();
    assertThat(ram.discards()).hasSize(2);
  }

  /** Such a driver may have put a page to use before the device hears that it was deflated. */
  @Test
  void aDriverThatDoesNotTellTheHostGivesHostPagesOnlyAtOnce() {
    MockBalloonDriver guest = start(MUST_TELL_HOST);
    guest.inflate(pages(FIRST, PARTS - 1));
    touch(FIRST + 5);

    guest.inflate(FIRST + PARTS - 1);
    assertThat(holdsContent(FIRST + 5)).isTrue();
    assertThat(ram.discards()).isEmpty();
    assertThat(bitmap.cardinality()).isEqualTo(PARTS);

    guest.inflate(pages(FIRST + PARTS, PARTS));
    assertThat(ram.discards())
        .containsExactly(new Discard((FIRST_HOST_PAGE + 1L) * HOST_PAGE, HOST_PAGE));
  }

  @Test
  void whatCompletesAHostPageThatTheHostRefusesIsTheGuestsOwn() {
    MockBalloonDriver guest = start(0);
    guest.inflate(pages(FIRST, PARTS - 2));
    ram.refuseDiscards(true);
    guest.inflate(pages(FIRST + PARTS - 2, 2));
    assertThat(bitmap.cardinality()).isEqualTo(PARTS - 2);
    assertThat(balloon.metrics().failedDiscards()).isEqualTo(1);

    ram.refuseDiscards(false);
    guest.inflate(pages(FIRST + PARTS - 2, 2));
    assertThat(bitmap.cardinality()).isEqualTo(PARTS);
    assertThat(ram.discards()).hasSize(1);
  }

  /**
   * Inflates and deflates at random while the guest writes to what it has. The bits are exactly
   * what the guest gave, no page that is the guest's ever loses its content, and a host page is
   * empty as soon as it is in the balloon as a whole.
   */
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4})
  void nothingOfTheGuestsIsEverLost(long seed) {
    Random random = new Random(seed);
    BitSet model = new BitSet();
    MockBalloonDriver guest = start(0);
    for (int page = FIRST; page < PAGES; page++) {
      touch(page);
    }
    int given = 0;
    for (int round = 0; round < 600; round++) {
      String where = "seed " + seed + ", round " + round;
      int first = random.nextInt(FIRST, PAGES);
      int count = 1 + random.nextInt(Math.min(random.nextBoolean() ? 20 : 1200, PAGES - first));
      long[] pfns = pages(first, count);
      boolean inflate = random.nextInt(10) < 6;
      BitSet before = (BitSet) model.clone();
      model.set(first, first + count, inflate);
      if (inflate) {
        guest.inflate(pfns);
      } else {
        guest.deflate(pfns);
        LongStream.of(pfns).filter(page -> before.get((int) page)).forEach(this::touch);
      }
      for (int host = FIRST_HOST_PAGE; host < HOST_PAGES; host++) {
        int start = host * PARTS;
        boolean whole = model.nextClearBit(start) >= start + PARTS;
        given += whole ? 1 : 0;
        assertThat(firstWrongPage(model, start, whole)).as(where).isEqualTo(-1);
      }
    }
    assertThat(given).as("seed %d: host pages go", seed).isPositive();
    assertThat(balloon.metrics().failedDiscards()).isZero();
  }

  private int firstWrongPage(BitSet model, int start, boolean whole) {
    for (int page = start; page < start + PARTS; page++) {
      boolean in = model.get(page);
      if (bitmap.get(page) != in || ((whole || !in) && holdsContent(page) == whole)) {
        return page;
      }
    }
    return -1;
  }
}
