package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.irq.MessageSink;
import dev.ballast.vmm.state.StateFormatException;
import java.io.IOException;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;

/**
 * The state of the devices of a PC, fuzzed: refused, or taken over by a device that then answers
 * all accesses. How to fuzz for real is in {@code migration}'s package {@code fuzz}.
 */
class LoadedStateFuzzTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  /** The first byte says whose state the rest is. */
  @FuzzTest(maxDuration = "2m")
  void device(byte[] data) throws IOException {
    if (data.length == 0) {
      return;
    }
    byte[] state = Arrays.copyOfRange(data, 1, data.length);
    switch (data[0] & 7) {
      case 0 -> {
        MemorySerialBackend host = new MemorySerialBackend();
        check(new Serial16550("serial0", new RecordingLine(), host), state, Serial16550.PORTS);
      }
      case 1 -> check(new CmosRtc(3L << 30, 5L << 30, () -> NOW), state, CmosRtc.PORTS);
      case 2 -> check(new I8042(new RecordingEvents()), state, I8042.PORTS);
      case 4 -> check(new IoApic(new NoMessages()), state, IoApic.SIZE);
      default ->
          check(
              new AcpiPm(new RecordingLine(), new RecordingEvents(), () -> 0), state, AcpiPm.PORTS);
    }
  }

  private static final class NoMessages implements MessageSink {
    @Override
    public void send(PinMessage message) {}

    @Override
    public void report(List<PinMessage> messages) {}
  }

  private static <D extends MachineDevice & BusDevice> void check(D device, byte[] state, int ports)
      throws IOException {
    try (device) {
      StateRoundTrip.load(device, state);
      assertThat(StateRoundTrip.save(device)).as(device.stateName()).hasSameSizeAs(state);
      device.resume();
      for (int port = 0; port < ports; port++) {
        device.read(port, 1);
        device.write(port, 1, 0x55);
        device.read(port, 1);
      }
      device.quiesce();
      StateRoundTrip.load(device, StateRoundTrip.save(device));
    } catch (StateFormatException e) {
      assertThat(e).hasMessageContaining(device.stateName());
    }
  }
}
