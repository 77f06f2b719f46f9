package dev.ballast.tools.cli;

import java.io.Console;
import java.io.IOException;
import java.util.Optional;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** The terminal that Ballast was started on. */
final class HostTerminal {
  private HostTerminal() {}

  /** Tells whether standard input and output are a terminal. */
  static boolean isThere() {
    return Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
  }

  /**
   * Opens it by way of stty(1): JLine's other ways need native access, which only one module has.
   */
  static Terminal open() throws IOException {
    return TerminalBuilder.builder()
        .name("ballast")
        .system(true)
        .exec(true)
        .jni(false)
        .ffm(false)
        .nativeSignals(false)
        .build();
  }
}
