package dev.ballast.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The arithmetic of TSCs that stand still, travel and go on, on hosts that are none. */
class GuestTscTest {
  private static final int KHZ = 2_100_000;
  private static final long SECOND = KHZ * 1000L;

  /** A host whose TSC ticks at each look, as a real one does between two system calls. */
  private static final class Host {
    private static final long BETWEEN_CALLS = 3_000;

    private long now;

    Host(long now) {
      this.now = now;
    }

    long tsc() {
      now += BETWEEN_CALLS;
      return now;
    }

    void sleep(long ticks) {
      now += ticks;
    }
  }

  /** A vCPU whose TSC is the host's and an offset. */
  private static final class FakeVcpu implements VcpuTsc {
    private final Host host;
    private final boolean hasOffset;
    private final int mostKhz;
    private long offset;
    private int khz;
    private int restarts;

    FakeVcpu(Host host, boolean hasOffset, int khz, int mostKhz) {
      this.host = host;
      this.hasOffset = hasOffset;
      this.khz = khz;
      this.mostKhz = mostKhz;
      // As KVM makes it: the TSC of a new vCPU is 0.
      this.offset = -host.now;
    }

    @Override
    public int khz() {
      return khz;
    }

    @Override
    public void khz(int wanted) throws IOException {
      if (wanted > mostKhz) {
        throw new IOException("ioctl(KVM_SET_TSC_KHZ): EINVAL");
      }
      khz = wanted;
    }

    @Override
    public long value() {
      return host.tsc() + offset;
    }

    @Override
    public void value(long value) {
      offset = value - host.tsc();
    }

    @Override
    public boolean hasOffset() {
      return hasOffset;
    }

    @Override
    public long offset() {
      assertThat(hasOffset).isTrue();
      return offset;
    }

    @Override
    public void offset(long next) {
      assertThat(hasOffset).isTrue();
      offset = next;
    }

    @Override
    public void restartDeadline() {
      restarts++;
    }
  }

  private static List<FakeVcpu> vcpus(Host host, int count, boolean hasOffset) {
    return IntStream.range(0, count)
        .mapToObj(_ -> new FakeVcpu(host, hasOffset, KHZ, Integer.MAX_VALUE))
        .toList();
  }

  private static List<Long> offsets(List<FakeVcpu> vcpus) {
    return vcpus.stream().map(vcpu -> vcpu.offset).toList();
  }

  @Test
  void standsStillWhileStopped() throws IOException {
    Host host = new Host(1L << 50);
    List<FakeVcpu> vcpus = vcpus(host, 4, true);
    GuestTsc tsc = new GuestTsc(vcpus, true);
    host.sleep(77 * SECOND);

    tsc.stop();
    long before = tsc.stopped(0);
    host.sleep(30 * SECOND);
    tsc.start(0);

    assertThat(before).isBetween(77 * SECOND, 77 * SECOND + SECOND / 100);
    assertThat(vcpus.getLast().value() - before).isBetween(0L, SECOND / 1000);
    assertThat(offsets(vcpus)).as("one offset for all").containsOnly(vcpus.getFirst().offset);
    assertThat(vcpus).as("timers by the new TSC").allMatch(vcpu -> vcpu.restarts == 1);
  }

  @Test
  void goesOnByAsMuchAsTheClockDoes() throws IOException {
    Host host = new Host(1L << 50);
    List<FakeVcpu> vcpus = vcpus(host, 2, true);
    GuestTsc tsc = new GuestTsc(vcpus, true);
    tsc.stop();
    long before = tsc.stopped(1);
    host.sleep(5 * SECOND);

    tsc.start(5_000_000_123L);

    assertThat(vcpus.getLast().value() - before).isBetween(5 * SECOND, 5 * SECOND + SECOND / 1000);
  }

  /** What a guest made differ, it finds so again; to the tick, after any number of stops. */
  @Test
  void differencesOfTscsStayExactly() throws IOException {
    Host host = new Host(123_456_789);
    List<FakeVcpu> vcpus = vcpus(host, 3, true);
    vcpus.get(1).offset += 17;
    vcpus.get(2).offset -= 40 * SECOND;
    GuestTsc tsc = new GuestTsc(vcpus, true);

    for (int i = 0; i < 50; i++) {
      tsc.stop();
      host.sleep(SECOND / 3);
      tsc.start(i * 1000L);
    }

    assertThat(vcpus.get(1).offset - vcpus.get(0).offset).isEqualTo(17);
    assertThat(vcpus.get(2).offset - vcpus.get(0).offset).isEqualTo(-40 * SECOND);
  }

  /** They are loaded one after the other, on a host whose TSC is anywhere; were read so before. */
  @Test
  void tscsThatWereEqualAreEqualElsewhere() throws IOException {
    Host host = new Host(999);
    List<FakeVcpu> vcpus = vcpus(host, 3, true);
    GuestTsc tsc = new GuestTsc(vcpus, true);
    long[] read = {700 * SECOND, 700 * SECOND + 123_456, 12 * SECOND};
    for (int i = 0; i < read.length; i++) {
      tsc.load(i, read[i]);
      vcpus.get(i).value(read[i]);
      host.sleep(SECOND * 2);
    }

    tsc.start(0);

    assertThat(vcpus.get(1).offset).isEqualTo(vcpus.get(0).offset);
    assertThat(vcpus.get(2).offset - vcpus.get(0).offset).isEqualTo(-688 * SECOND);
    assertThat(vcpus.getFirst().value()).isBetween(700 * SECOND, 700 * SECOND + SECOND / 100);
  }

  @Test
  void valuesAreWrittenWhereThereAreNoOffsets() throws IOException {
    Host host = new Host(1L << 40);
    List<FakeVcpu> vcpus = vcpus(host, 2, false);
    GuestTsc tsc = new GuestTsc(vcpus, true);
    tsc.stop();
    long before = tsc.stopped(1);
    host.sleep(9 * SECOND);

    tsc.start(1_000_000_000);

    assertThat(vcpus.get(1).value() - before).isBetween(SECOND, SECOND + SECOND / 1000);
  }

  @Test
  void timesOfManyYearsDoNotOverflow() {
    long years = 30L * 365 * 86_400;
    assertThat(GuestTsc.ticks(years * 1_000_000_000, 5_000_000)).isEqualTo(years * 5_000_000_000L);
    assertThat(GuestTsc.ticks(-1_500_001, 2_000_000)).isEqualTo(-3_000_002);
    assertThat(GuestTsc.ticks(1_000, 0)).isZero();
  }

  private static GuestTsc tsc(FakeVcpu vcpu, boolean scalable) throws IOException {
    return new GuestTsc(List.of(vcpu), scalable);
  }

  @Test
  void takesTheFrequencyOfTheSourceWhereItCan() throws IOException {
    FakeVcpu vcpu = new FakeVcpu(new Host(0), true, KHZ, 4_000_000);
    GuestTsc tsc = tsc(vcpu, true);
    tsc.adopt(2_900_000);
    assertThat(vcpu.khz).isEqualTo(2_900_000);
    assertThat(tsc.khz()).isEqualTo(2_900_000);

    assertThatThrownBy(() -> tsc.adopt(4_900_000))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "TSC frequency: source has 4900000 kHz, destination has 2100000 kHz and its KVM does"
                + " not scale it so far; take one within 250 ppm");

    tsc.adopt(0);
    assertThat(tsc.khz()).as("another source, which does not say").isEqualTo(KHZ);
  }

  @Test
  void refusesAnotherFrequencyWhereItCannot() throws IOException {
    GuestTsc tsc = tsc(new FakeVcpu(new Host(0), true, KHZ, 0), false);
    assertThatThrownBy(() -> tsc.adopt(2_900_000))
        .isInstanceOf(IOException.class)
        .hasMessage(
            "TSC frequency: source has 2900000 kHz, destination has 2100000 kHz and its KVM does"
                + " not scale it; take one within 250 ppm");
    // 2100000 kHz and 250 millionths of it.
    assertThatCode(() -> tsc.adopt(2_100_525)).doesNotThrowAnyException();
    assertThatCode(() -> tsc.adopt(2_099_475)).doesNotThrowAnyException();
    assertThatThrownBy(() -> tsc.adopt(2_100_526)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> tsc.adopt(2_099_474)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> tsc.adopt(Integer.MAX_VALUE)).isInstanceOf(IOException.class);
    assertThatCode(() -> tsc.adopt(0)).doesNotThrowAnyException();
    assertThat(tsc.khz()).isEqualTo(KHZ);
  }

  @Test
  void aHostThatDoesNotKnowItsFrequencyTakesAnyGuest() throws IOException {
    GuestTsc tsc = tsc(new FakeVcpu(new Host(0), true, 0, 0), false);
    assertThatCode(() -> tsc.adopt(2_900_000)).doesNotThrowAnyException();
    assertThat(tsc.khz()).isZero();
  }
}
