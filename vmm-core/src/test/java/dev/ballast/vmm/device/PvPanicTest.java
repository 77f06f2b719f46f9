package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PvPanicTest {
  private final RecordingEvents events = new RecordingEvents();
  private final PvPanic device = new PvPanic(events);

  @Test
  void tellsWhichEventsItKnows() {
    assertThat(device.read(0, 1)).isEqualTo(7);
  }

  @Test
  void passesKnownEventsOnEachForWhatItIs() {
    device.write(0, 1, 1);
    device.write(0, 1, 2);
    device.write(0, 1, 4);
    assertThat(events.events).containsExactly("panic", "crash kernel", "power off");
    assertThat(device.unknownEvents()).isZero();
  }

  @Test
  void theGravestEventOfAWriteCounts() {
    device.write(0, 1, 7);
    device.write(0, 1, 6);
    assertThat(events.events).containsExactly("panic", "crash kernel");
  }

  @Test
  void eventsThatItDoesNotKnowAreIgnoredAndCounted() {
    device.write(0, 1, 0xf8);
    device.write(0, 1, 0);
    device.write(0, 1, 0xf9);
    assertThat(events.events).containsExactly("panic");
    assertThat(device.unknownEvents()).isEqualTo(2);
  }
}
