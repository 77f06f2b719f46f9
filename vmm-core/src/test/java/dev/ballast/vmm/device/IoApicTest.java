package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.irq.MessageSink;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class IoApicTest {
  private static final int LEVEL = 1 << 15;
  private static final int MASKED = 1 << 16;
  private static final int REMOTE_IRR = 1 << 14;
  private static final int EOI = 0x40;

  private static final class Sink implements MessageSink {
    final List<PinMessage> sent = new ArrayList<>();
    List<PinMessage> reported = List.of();

    @Override
    public void send(PinMessage message) {
      sent.add(message);
    }

    @Override
    public void report(List<PinMessage> messages) {
      reported = messages;
    }
  }

  private final Sink sink = new Sink();
  private final IoApic apic = new IoApic(sink);

  private static void write(IoApic apic, int register, long value) {
    apic.write(0, 4, register);
    apic.write(0x10, 4, value);
  }

  private static long read(IoApic apic, int register) {
    apic.write(0, 4, register);
    return apic.read(0x10, 4);
  }

  private void entry(int pin, long high, long low) {
    write(apic, 0x11 + 2 * pin, high);
    write(apic, 0x10 + 2 * pin, low);
  }

  private void pulse(int pin) {
    apic.setLevel(pin, true);
    apic.setLevel(pin, false);
  }

  @Test
  void isAn82093aaWithTwentyFourMaskedPins() {
    assertThat(read(apic, 1)).isEqualTo(0x17_0011);
    for (int pin = 0; pin < 24; pin++) {
      assertThat(read(apic, 0x10 + 2 * pin)).isEqualTo(MASKED);
      assertThat(read(apic, 0x11 + 2 * pin)).isZero();
    }
    write(apic, 0, 0x0500_0000);
    assertThat(read(apic, 0)).isEqualTo(0x0500_0000);
    assertThat(read(apic, 0x40)).as("past the last entry").isZero();
    write(apic, 0x40, -1);
    assertThat(apic.read(0, 4)).isEqualTo(0x40);
  }

  @Test
  void anEdgeIsOneMessage() {
    entry(4, 0x0300_0000, 0x34);
    pulse(4);
    assertThat(sink.sent).containsExactly(new MessageSink.PinMessage(4, 0xfee0_3000L, 0x34));
    apic.setLevel(4, true);
    apic.setLevel(4, true);
    assertThat(sink.sent).hasSize(2);
    assertThat(sink.reported).as("an edge has no end that matters").isEmpty();
  }

  @Test
  void aMaskedEdgeIsSentOnceItIsUnmasked() {
    entry(4, 0, MASKED | 0x34);
    pulse(4);
    pulse(4);
    assertThat(sink.sent).isEmpty();
    write(apic, 0x18, 0x34);
    assertThat(sink.sent).hasSize(1);
    write(apic, 0x18, 0x34);
    assertThat(sink.sent).hasSize(1);
  }

  @Test
  void aLevelIsSentAgainAfterItsEndAsLongAsItLasts() {
    entry(9, 0, LEVEL | 0x31);
    apic.setLevel(9, true);
    assertThat(sink.sent).containsExactly(new MessageSink.PinMessage(9, 0xfee0_0000L, 0x8031));
    assertThat(sink.reported).isEqualTo(sink.sent);
    assertThat(read(apic, 0x22)).isEqualTo(LEVEL | REMOTE_IRR | 0x31);
    apic.setLevel(9, false);
    apic.setLevel(9, true);
    assertThat(sink.sent).as("in service").hasSize(1);
    apic.write(EOI, 4, 0x32);
    assertThat(sink.sent).as("another vector's end").hasSize(1);
    apic.write(EOI, 4, 0x31);
    assertThat(sink.sent).hasSize(2);
    apic.setLevel(9, false);
    apic.write(EOI, 4, 0x31);
    assertThat(sink.sent).hasSize(2);
    assertThat(read(apic, 0x22)).isEqualTo(LEVEL | 0x31);
    apic.setLevel(9, true);
    assertThat(sink.sent).hasSize(3);
  }

  @Test
  void aMaskedLevelIsReportedStillAndSentOnceItIsUnmasked() {
    entry(9, 0, LEVEL | 0x31);
    apic.setLevel(9, true);
    write(apic, 0x22, MASKED | LEVEL | 0x31);
    assertThat(sink.reported).as("it is in service").hasSize(1);
    apic.write(EOI, 4, 0x31);
    assertThat(sink.sent).hasSize(1);
    write(apic, 0x22, LEVEL | 0x31);
    assertThat(sink.sent).hasSize(2);
  }

  @Test
  void theGuestCannotSetWhatIsReadOnlyAndAnEdgeIsNeverInService() {
    entry(9, 0, LEVEL | REMOTE_IRR | (1 << 12) | 0x31);
    assertThat(read(apic, 0x22)).isEqualTo(LEVEL | 0x31);
    apic.setLevel(9, true);
    write(apic, 0x22, 0x31);
    assertThat(read(apic, 0x22)).isEqualTo(0x31);
  }

  /** Bits 49 to 55 of the entry are bits 8 to 14 of the destination; KVM has these from bit 40. */
  @Test
  void destinationsHaveFifteenBits() {
    entry(4, 0x2c00_0000L | (1 << 17), (1 << 11) | (1 << 8) | 0x34);
    pulse(4);
    assertThat(sink.sent)
        .containsExactly(new MessageSink.PinMessage(4, 0x100_fee2_c004L, (1 << 8) | 0x34));
  }

  @Test
  void thereIsNo8259ThatCouldHaveAVector() {
    entry(0, 0, 7 << 8);
    pulse(0);
    assertThat(sink.sent).isEmpty();
  }

  @Test
  void aResetMasksAllAndKeepsTheLevelsOfItsPins() {
    entry(9, 0, LEVEL | 0x31);
    apic.setLevel(9, true);
    apic.reset();
    assertThat(read(apic, 0x22)).isEqualTo(MASKED);
    assertThat(sink.reported).isEmpty();
    entry(9, 0, LEVEL | 0x32);
    assertThat(sink.sent).hasSize(2);
  }

  @Test
  void itsStateMovesWithWhatIsInService() throws IOException {
    entry(9, 0, LEVEL | 0x31);
    entry(4, 0, MASKED | 0x34);
    apic.setLevel(9, true);
    pulse(4);
    Sink there = new Sink();
    IoApic other = new IoApic(there);
    StateRoundTrip.load(other, StateRoundTrip.save(apic));
    assertThat(there.sent).as("the local APIC has it").isEmpty();
    assertThat(there.reported).isEqualTo(sink.reported);
    other.write(EOI, 4, 0x31);
    assertThat(there.sent).hasSize(1);
    write(other, 0x18, 0x34);
    assertThat(there.sent).hasSize(2);
  }

  @Test
  void refusesAStateThatItCannotHave() throws IOException {
    long seed = System.nanoTime();
    write(apic, 0x18, 0x34);
    StateRoundTrip.refusesOrTakesExactly(apic, StateRoundTrip.save(apic), seed);
    StateWriter state = new StateWriter().u8(0).u8(0).u32(1 << 24).u32(0);
    assertThatThrownBy(() -> StateRoundTrip.load(apic, state.toByteArray()))
        .isInstanceOf(StateFormatException.class)
        .hasMessageContaining("levels");
  }

  @Test
  void takesWhateverAGuestDoes() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 100_000; i++) {
      int offset = random.nextInt(0x50);
      switch (random.nextInt(3)) {
        case 0 -> apic.write(offset, 1 << random.nextInt(4), random.nextLong());
        case 1 -> apic.read(offset, 1 << random.nextInt(4));
        default -> apic.setLevel(random.nextInt(24), random.nextBoolean());
      }
    }
    assertThat(sink.reported).as("seed %d", seed).hasSizeLessThanOrEqualTo(24);
  }
}
