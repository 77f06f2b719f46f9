package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.vmm.device.OutputBuffer.WhenFull;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class OutputBufferTest {
  private static final int CAPACITY = 4;

  private static String take(OutputBuffer buffer) throws InterruptedException {
    byte[] into = new byte[100];
    int length = buffer.take(into);
    return length < 0 ? "end" : new String(into, 0, length, StandardCharsets.US_ASCII);
  }

  private static int offer(OutputBuffer buffer, String text) {
    int taken = 0;
    for (byte value : text.getBytes(StandardCharsets.US_ASCII)) {
      taken += buffer.offer(value) ? 1 : 0;
    }
    return taken;
  }

  @Test
  void refusesWhatDoesNotFitAndRemembersIt() throws InterruptedException {
    OutputBuffer buffer = new OutputBuffer(CAPACITY, WhenFull.REFUSE);
    assertThat(offer(buffer, "abcd")).isEqualTo(4);
    assertThat(buffer.takeRefused()).isFalse();
    assertThat(offer(buffer, "ef")).isZero();
    assertThat(take(buffer)).isEqualTo("abcd");
    assertThat(buffer.takeRefused()).isTrue();
    assertThat(buffer.takeRefused()).as("once").isFalse();
    assertThat(offer(buffer, "g")).isEqualTo(1);
    assertThat(buffer.dropped()).isZero();
  }

  @Test
  void dropsTheOldest() throws InterruptedException {
    OutputBuffer buffer = new OutputBuffer(CAPACITY, WhenFull.DROP_OLDEST);
    assertThat(offer(buffer, "abcdefg")).isEqualTo(7);
    assertThat(buffer.dropped()).isEqualTo(3);
    assertThat(take(buffer)).isEqualTo("defg");
  }

  @Test
  void closedBufferGivesOutTheRest() throws InterruptedException {
    OutputBuffer buffer = new OutputBuffer(CAPACITY, WhenFull.REFUSE);
    offer(buffer, "abcd");
    buffer.close();
    assertThat(offer(buffer, "efghij")).as("taken and forgotten").isEqualTo(6);
    assertThat(take(buffer)).isEqualTo("abcd");
    assertThat(take(buffer)).isEqualTo("end");
  }
}
