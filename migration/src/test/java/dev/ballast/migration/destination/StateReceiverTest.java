package dev.ballast.migration.destination;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.protocol.FrameType;
import dev.ballast.migration.protocol.Messages;
import dev.ballast.migration.protocol.ProtocolException;
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

  private static Messages.StateSection section(String name, int value) {
    return new Messages.StateSection(name, 1, new StateWriter().u32(value).toByteArray());
  }

  @Test
  void nothingIsLoadedBeforeAllIsThere() throws IOException {
    Part first = new Part("first", 1, true);
    Part second = new Part("second", 2, true);
    StateReceiver receiver = new StateReceiver(List.of(first, second));
    receiver.add(section("first", 11));
    assertThat(first.value).isEqualTo(1);
    assertThatThrownBy(receiver::load)
        .isInstanceOf(ProtocolException.class)
        .hasMessage("STATE_END: section 'second' is missing");
    assertThat(first.value).isEqualTo(1);
    receiver.add(section("second", 12));
    receiver.load();
    assertThat(List.of(first.value, second.value)).containsExactly(11, 12);
  }

  @Test
  void aSectionThatIsNotDueIsRefusedAsItArrives() throws IOException {
    StateReceiver receiver = new StateReceiver(List.of(new Part("first", 1, true)));
    assertThatThrownBy(() -> receiver.add(section("second", 1)))
        .hasMessage("STATE_SECTION: section 'second', expected first");
    receiver.add(section("first", 1));
    assertThatThrownBy(() -> receiver.add(section("first", 1)))
        .hasMessage("STATE_SECTION: section 'first', expected the end of the state");
  }

  @Test
  void theStateOfAMachineHasALimit() throws IOException {
    int most = FrameType.STATE_SECTION.maxPayload();
    StateReceiver receiver =
        new StateReceiver(List.of(new Part("first", 1, true), new Part("second", 1, true)));
    receiver.checkRoom(most);
    receiver.add(new Messages.StateSection("first", 1, new byte[most]));
    receiver.checkRoom(most);
    receiver.add(new Messages.StateSection("second", 1, new byte[most]));
    assertThatThrownBy(() -> receiver.checkRoom(1))
        .isInstanceOf(ProtocolException.class)
        .hasMessageContaining("33554432 bytes");
  }
}
