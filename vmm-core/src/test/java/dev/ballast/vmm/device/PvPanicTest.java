package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PvPanicTest {
  private final RecordingEvents events = new RecordingEvents();
  private final PvPanic device = new PvPanic(events);

  @Test
  void tellsWhichEventsItKnows() {
    assertThat(device.read(0, 1)).isEqualTo(3);
  }

  @Test
  void passesKnownEventsOn() {
    device.write(0, 1, 1);
    device.write(0, 1, 2);
    device.write(0, 1, 0xfd);
    device.write(0, 1, 0xfc);
    assertThat(events.events).containsExactly("panic 1", "panic 2", "panic 1");
  }
}
