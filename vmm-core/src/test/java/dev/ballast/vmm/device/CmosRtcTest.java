package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.state.StateFormatException;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class CmosRtcTest {
  private static final int STATUS_A = 0x0a;
  private static final int STATUS_B = 0x0b;
  private static final int SET = 0x80;
  private static final int BINARY = 0x04;
  private static final int HOURS_24 = 0x02;

  /** A Wednesday. */
  private static final Instant NOW = Instant.parse("2025-12-31T23:59:58Z");

  private final AtomicReference<Instant> clock = new AtomicReference<>(NOW);
  private final CmosRtc rtc = new CmosRtc(3L << 30, 5L << 30, clock::get);

  private static int get(CmosRtc rtc, int register) {
    rtc.write(0, 1, register);
    return (int) rtc.read(1, 1);
  }

  private int get(int register) {
    return get(rtc, register);
  }

  private void set(int register, int value) {
    rtc.write(0, 1, register);
    rtc.write(1, 1, value);
  }

  private String time(CmosRtc from) {
    return String.format(
        "%02x%02x-%02x-%02x %02x:%02x:%02x day %x",
        get(from, 0x32),
        get(from, 9),
        get(from, 8),
        get(from, 7),
        get(from, 4),
        get(from, 2),
        get(from, 0),
        get(from, 6));
  }

  @Test
  void showsTheHostsTimeInBcd() {
    assertThat(get(STATUS_B) & (BINARY | HOURS_24)).isEqualTo(HOURS_24);
    assertThat(time(rtc)).isEqualTo("2025-12-31 23:59:58 day 4");
    clock.set(NOW.plusSeconds(2));
    assertThat(time(rtc)).isEqualTo("2026-01-01 00:00:00 day 5");
  }

  @Test
  void showsBinaryAndTwelveHours() {
    set(STATUS_B, BINARY | HOURS_24);
    assertThat(get(9)).isEqualTo(25);
    assertThat(get(4)).isEqualTo(23);
    set(STATUS_B, BINARY);
    assertThat(get(4)).isEqualTo(0x80 | 11);
    set(STATUS_B, 0);
    assertThat(get(4)).isEqualTo(0x80 | 0x11);
    clock.set(Instant.parse("2026-01-01T00:30:00Z"));
    assertThat(get(4)).as("midnight is 12 AM").isEqualTo(0x12);
    clock.set(Instant.parse("2026-01-01T12:30:00Z"));
    assertThat(get(4)).as("noon is 12 PM").isEqualTo(0x92);
  }

  @Test
  void saysWhenTheSecondIsAboutToChange() {
    assertThat(get(STATUS_A)).isEqualTo(0x26);
    clock.set(NOW.plusNanos(999_800_000));
    assertThat(get(STATUS_A)).isEqualTo(0xa6);
  }

  /** As Linux's mc146818_set_time. */
  @Test
  void guestSetsTheTime() {
    set(STATUS_B, HOURS_24 | SET);
    clock.set(NOW.plusSeconds(1));
    assertThat(get(0)).as("stands still").isEqualTo(0x58);
    set(0x32, 0x20);
    set(9, 0x24);
    set(8, 0x02);
    set(7, 0x29);
    set(4, 0x12);
    set(2, 0x34);
    set(0, 0x56);
    set(STATUS_B, HOURS_24);
    clock.set(NOW.plusSeconds(4));
    assertThat(time(rtc)).isEqualTo("2024-02-29 12:34:59 day 5");
  }

  @Test
  void noSuchTimeChangesNothing() {
    set(7, 0x45);
    assertThat(time(rtc)).isEqualTo("2025-12-31 23:59:58 day 4");
    set(STATUS_B, HOURS_24 | SET);
    for (int register : new int[] {0, 2, 4, 7, 8, 9, 0x32}) {
      set(register, 0xff);
    }
    set(STATUS_B, HOURS_24);
    assertThat(time(rtc)).isEqualTo("2025-12-31 23:59:58 day 4");
  }

  @Test
  void farthestTimesStillSaveAndLoad() throws IOException {
    for (int digits : new int[] {0x00, 0x99}) {
      set(STATUS_B, HOURS_24 | SET);
      set(0x32, digits);
      set(9, digits);
      set(STATUS_B, HOURS_24);
      StateRoundTrip.load(rtc, StateRoundTrip.save(rtc));
      assertThat(get(0x32)).isEqualTo(digits);
      assertThat(get(9)).isEqualTo(digits);
    }
  }

  @Test
  void tellsTheSizeOfMemory() {
    assertThat(get(0x15) | get(0x16) << 8).isEqualTo(640);
    assertThat(get(0x17) | get(0x18) << 8).isEqualTo(0xffff);
    assertThat(get(0x34) | get(0x35) << 8).isEqualTo(((3 << 10) - 16) << 4);
    assertThat(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16).isEqualTo(5 << 14);
    CmosRtc small = new CmosRtc(64L << 20, 0, clock::get);
    assertThat(get(small, 0x17) | get(small, 0x18) << 8).isEqualTo(63 << 10);
    assertThat(get(small, 0x34) | get(small, 0x35) << 8).isEqualTo(48 << 4);
  }

  @Test
  void statusRegistersSayValidAndNoInterrupt() {
    set(STATUS_B, HOURS_24 | 0x70);
    set(0x0d, 0);
    assertThat(get(0x0c)).isZero();
    assertThat(get(0x0d)).isEqualTo(0x80);
  }

  @Test
  void memoryIsKept() {
    set(0x0f, 0x0a);
    set(0x7f, 0x5a);
    rtc.reset();
    assertThat(get(0x0f)).isEqualTo(0x0a);
    assertThat(get(0xff)).as("bit 7 of the index masks the NMI").isEqualTo(0x5a);
  }

  @Test
  void offsetGoesOnElsewhere() throws IOException {
    set(STATUS_B, HOURS_24 | SET);
    set(4, 0x05);
    set(STATUS_B, HOURS_24);
    byte[] state = StateRoundTrip.save(rtc);
    Instant later = NOW.plus(Duration.ofMinutes(3));
    CmosRtc other = new CmosRtc(1L << 30, 0, () -> later);
    StateRoundTrip.load(other, state);
    assertThat(time(other)).isEqualTo("2025-12-31 06:02:58 day 4");
    assertThat(StateRoundTrip.save(other)).hasSameSizeAs(state);
  }

  @Test
  void hostileStateIsRefused() throws IOException {
    byte[] good = StateRoundTrip.save(rtc);
    byte[] badIndex = good.clone();
    badIndex[0] = (byte) 0x80;
    assertRefused(badIndex, "register index is 128");
    byte[] tooFar = good.clone();
    tooFar[5 + 128 + 7] = (byte) 0x80;
    assertRefused(tooFar, "clock is off by -9223372036854775808 s");
    for (int length = 0; length < good.length; length++) {
      assertRefused(Arrays.copyOf(good, length), "state ends");
    }
  }

  private void assertRefused(byte[] state, String reason) {
    assertThatThrownBy(() -> StateRoundTrip.load(rtc, state))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("cmos-rtc")
        .hasMessageContaining(reason);
  }
}
