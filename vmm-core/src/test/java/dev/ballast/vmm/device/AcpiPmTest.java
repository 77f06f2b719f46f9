package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.vmm.bus.Bus;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AcpiPmTest {
  private static final int STATUS = 0;
  private static final int ENABLE = 2;
  private static final int CONTROL = 4;
  private static final int TIMER = 8;
  private static final int POWER_BUTTON = 1 << 8;
  private static final int SLEEP_ENABLE = 1 << 13;

  private final RecordingLine sci = new RecordingLine();
  private final RecordingEvents events = new RecordingEvents();
  private final AtomicLong clock = new AtomicLong();
  private final AcpiPm pm = new AcpiPm(sci, events, clock::get);
  private final Bus bus = new Bus("pio");

  AcpiPmTest() {
    bus.add(0, AcpiPm.PORTS, pm);
  }

  @Test
  void powerButtonRaisesTheSciOnceItIsEnabled() {
    pm.pressPowerButton();
    assertThat(bus.read(STATUS, 2)).isEqualTo(POWER_BUTTON);
    assertThat(sci.isHigh()).as("not enabled").isFalse();

    bus.write(ENABLE, 2, POWER_BUTTON);
    assertThat(sci.isHigh()).isTrue();
    bus.write(STATUS, 2, 0);
    assertThat(sci.isHigh()).as("writing 0 clears nothing").isTrue();
    bus.write(STATUS, 2, POWER_BUTTON);
    assertThat(sci.isHigh()).isFalse();
    assertThat(bus.read(STATUS, 4)).isEqualTo((long) POWER_BUTTON << 16);

    pm.pressPowerButton();
    assertThat(sci.edges()).isEqualTo(2);
  }

  @Test
  void statusIsClearedBytewiseToo() {
    pm.pressPowerButton();
    bus.write(STATUS, 1, 0xff);
    assertThat(bus.read(STATUS, 2)).isEqualTo(POWER_BUTTON);
    bus.write(STATUS + 1, 1, 1);
    assertThat(bus.read(STATUS, 2)).isZero();
  }

  /** ACPICA writes the sleep type alone first, then with SLP_EN. */
  @Test
  void softOffNeedsTypeAndEnable() {
    int type = AcpiPm.SOFT_OFF_SLEEP_TYPE << 10;
    bus.write(CONTROL, 2, type);
    assertThat(events.events).isEmpty();
    assertThat(bus.read(CONTROL, 2)).as("SCI_EN is always set").isEqualTo(type | 1);
    bus.write(CONTROL, 2, type | SLEEP_ENABLE);
    assertThat(events.events).containsExactly("power off");
    assertThat(bus.read(CONTROL, 2) & SLEEP_ENABLE).as("write-only").isZero();
  }

  @Test
  void otherSleepTypesDoNothing() {
    for (int type = 0; type < 8; type++) {
      if (type != AcpiPm.SOFT_OFF_SLEEP_TYPE) {
        bus.write(CONTROL, 2, type << 10 | SLEEP_ENABLE);
      }
    }
    assertThat(events.events).isEmpty();
  }

  @Test
  void timerCountsAt3579545HertzAndWrapsAt32Bits() {
    long start = bus.read(TIMER, 4);
    clock.addAndGet(1_000_000_000L);
    assertThat(bus.read(TIMER, 4) - start).isEqualTo(AcpiPm.TIMER_HZ);
    clock.addAndGet(1_000_000L);
    assertThat(bus.read(TIMER, 4) - start).isEqualTo(AcpiPm.TIMER_HZ + 3579);
    long whole = 1L << 32;
    clock.set(1200L * 1_000_000_000L);
    assertThat(bus.read(TIMER, 4)).isEqualTo(1200 * AcpiPm.TIMER_HZ % whole);
    bus.write(TIMER, 4, 0);
    assertThat(bus.read(TIMER, 4)).as("read-only").isEqualTo(1200 * AcpiPm.TIMER_HZ % whole);
    assertThat(bus.read(TIMER + 2, 2)).isEqualTo(1200 * AcpiPm.TIMER_HZ % whole >> 16);
  }

  @Test
  void timerIsRightFarFromZero() {
    clock.set(Long.MIN_VALUE);
    long before = bus.read(TIMER, 4);
    clock.addAndGet(2_000_000_000L);
    assertThat(bus.read(TIMER, 4) - before).isEqualTo(2 * AcpiPm.TIMER_HZ);
  }

  @Test
  void stateGoesOnElsewhere() throws IOException {
    clock.set(5_000_000_000L);
    bus.write(ENABLE, 2, POWER_BUTTON);
    pm.pressPowerButton();
    byte[] state = StateRoundTrip.save(pm);

    RecordingLine otherSci = new RecordingLine();
    AtomicLong otherClock = new AtomicLong(77_000_000_000L);
    AcpiPm other = new AcpiPm(otherSci, events, otherClock::get);
    Bus otherBus = new Bus("pio");
    otherBus.add(0, AcpiPm.PORTS, other);
    StateRoundTrip.load(other, state);
    other.resume();
    assertThat(otherSci.isHigh()).isTrue();
    assertThat(otherBus.read(TIMER, 4)).isEqualTo(bus.read(TIMER, 4));
    assertThat(StateRoundTrip.save(other)).isEqualTo(state);
  }

  @Test
  void hostileStateIsRefused() throws IOException {
    pm.pressPowerButton();
    StateRoundTrip.refusesOrTakesExactly(pm, StateRoundTrip.save(pm), 1);
  }

  @Test
  void resetLowersTheSci() {
    bus.write(ENABLE, 2, POWER_BUTTON);
    pm.pressPowerButton();
    pm.reset();
    assertThat(sci.isHigh()).isFalse();
    assertThat(bus.read(STATUS, 4)).isZero();
  }
}
