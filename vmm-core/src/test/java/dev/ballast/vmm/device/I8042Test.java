package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class I8042Test {
  private static final int DATA = 0;
  private static final int COMMAND = 4;
  private static final int OUTPUT_FULL = 1;
  private static final int INPUT_FULL = 2;

  private final RecordingEvents events = new RecordingEvents();
  private final I8042 controller = new I8042(events);

  private int status() {
    return (int) controller.read(COMMAND, 1);
  }

  private int answerTo(int command) {
    controller.write(COMMAND, 1, command);
    assertThat(status() & OUTPUT_FULL).as("command 0x%x answers", command).isNotZero();
    int answer = (int) controller.read(DATA, 1);
    assertThat(status() & OUTPUT_FULL).as("read empties").isZero();
    return answer;
  }

  @Test
  void pulsingTheResetLineResets() {
    assertThat(status() & INPUT_FULL).as("always takes a command").isZero();
    controller.write(COMMAND, 1, 0xfe);
    assertThat(events.events).containsExactly("reset");
  }

  @Test
  void pulsingOtherLinesDoesNotReset() {
    controller.write(COMMAND, 1, 0xff);
    controller.write(COMMAND, 1, 0xf1);
    assertThat(events.events).isEmpty();
  }

  @Test
  void outputPortResetsToo() {
    controller.write(COMMAND, 1, 0xd1);
    controller.write(DATA, 1, 0xcf);
    assertThat(events.events).isEmpty();
    controller.write(COMMAND, 1, 0xd1);
    controller.write(DATA, 1, 0xce);
    assertThat(events.events).containsExactly("reset");
  }

  @Test
  void selfTestsPass() {
    assertThat(answerTo(0xaa)).isEqualTo(0x55);
    assertThat(answerTo(0xab)).isZero();
  }

  @Test
  void controlByteIsKept() {
    controller.write(COMMAND, 1, 0x60);
    controller.write(DATA, 1, 0x47);
    assertThat(answerTo(0x20)).isEqualTo(0x47);
    controller.write(COMMAND, 1, 0xad);
    assertThat(answerTo(0x20)).isEqualTo(0x57);
  }

  @Test
  void nobodyAnswersOnTheKeyboardPort() {
    controller.write(DATA, 1, 0xff); // a keyboard would acknowledge a reset
    assertThat(status() & OUTPUT_FULL).isZero();
  }

  @Test
  void portsBetweenAreNotThere() {
    assertThat(controller.read(1, 1)).isEqualTo(0xff);
    controller.write(1, 1, 0xfe);
    assertThat(events.events).isEmpty();
  }

  @Test
  void stateGoesOnElsewhere() throws IOException {
    controller.write(COMMAND, 1, 0xaa);
    controller.write(COMMAND, 1, 0x60);
    byte[] state = StateRoundTrip.save(controller);
    I8042 other = new I8042(events);
    StateRoundTrip.load(other, state);
    assertThat(other.read(DATA, 1)).isEqualTo(0x55);
    other.write(DATA, 1, 0x41);
    other.write(COMMAND, 1, 0x20);
    assertThat(other.read(DATA, 1)).as("the data byte of the pending command").isEqualTo(0x41);
  }

  @Test
  void hostileStateIsRefused() throws IOException {
    StateRoundTrip.refusesOrTakesExactly(controller, StateRoundTrip.save(controller), 2);
  }

  @Test
  void resetForgetsThePendingCommand() {
    controller.write(COMMAND, 1, 0xd1);
    controller.reset();
    controller.write(DATA, 1, 0);
    assertThat(events.events).isEmpty();
  }
}
