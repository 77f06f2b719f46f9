package dev.ballast.migration.destination;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class StateReceiverTest {
  /** Holds a number, and can be one that does not load what it saved. */
  private static final class Part implements Snapshottable {
    private final String name;
    private final boolean loads;
    private int value;

    Part(String name, int value, boolean loads) {
      this.name = name;
      this.value = value;
      this.loads = loads;
    }

    @Override
    public String stateName() {
      return name;
    }

    @Override
    public int stateVersion() {
      return 1;
    }

    @Override
    public void saveState(StateWriter writer) {
      writer.u32(value);
    }

    @Override
    public void loadState(StateReader reader, int version) throws IOException {
      int read = reader.u32();
      if (!loads) {
        throw reader.fail("this host has none");
      }
      value = read;
    }
  }

  @Test
  void aMachineIsTheSameAfterItWasTriedOut() throws IOException {
    Part first = new Part("first", 1, true);
    Part second = new Part("second", 2, true);
    StateReceiver.checkLoadable(List.of(first, second));
    assertThat(List.of(first.value, second.value)).containsExactly(1, 2);
  }

  @Test
  void whatCannotBeLoadedIsNamed() {
    List<Part> parts = List.of(new Part("first", 1, true), new Part("second", 2, false));
    assertThatThrownBy(() -> StateReceiver.checkLoadable(parts))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("second")
        .hasMessageContaining("this host has none");
  }
}
