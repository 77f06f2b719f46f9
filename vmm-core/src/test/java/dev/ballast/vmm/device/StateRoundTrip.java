package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;

/** Saves and loads states, also broken ones. */
final class StateRoundTrip {
  private StateRoundTrip() {}

  static byte[] save(Snapshottable device) throws IOException {
    StateWriter writer = new StateWriter();
    device.saveState(writer);
    return writer.toByteArray();
  }

  static void load(Snapshottable device, byte[] state) throws IOException {
    StateReader reader = new StateReader(device.stateName(), state);
    device.loadState(reader, device.stateVersion());
    reader.end();
  }

  /** Loads every truncation and many corruptions: refused by name, or taken over exactly. */
  static void refusesOrTakesExactly(Snapshottable device, byte[] good, long seed)
      throws IOException {
    for (int length = 0; length < good.length; length++) {
      assertThat(isRefused(device, Arrays.copyOf(good, length)))
          .as("%d of %d bytes are refused", length, good.length)
          .isTrue();
    }
    Random random = new Random(seed);
    for (int round = 0; round < 2000; round++) {
      byte[] bad = good.clone();
      for (int i = random.nextInt(3); i >= 0; i--) {
        bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
      }
      if (!isRefused(device, bad)) {
        assertThat(save(device)).as("seed %d, round %d", seed, round).isEqualTo(bad);
      }
    }
  }

  private static boolean isRefused(Snapshottable device, byte[] state) throws IOException {
    try {
      load(device, state);
      return false;
    } catch (StateFormatException e) {
      assertThat(e).hasMessageContaining(device.stateName());
      return true;
    }
  }
}
