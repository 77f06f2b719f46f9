package dev.ballast.tools.cli;

import java.io.Console;
import java.io.IOException;
import java.util.Optional;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** The terminal that Ballast was started on. */
final class HostTerminal {
  /**
   * One that JLine knows by itself. With the real type it would run infocmp(1) for what the
   * terminal can do, which is of no use here, and complain where there is none.
   */
  private static final String KNOWN_TYPE = "ansi";

  private HostTerminal() {}

  /** Returns whether standard input and output are a terminal. */
  static boolean isThere() {
    return Optional.ofNullable(System.console()).filter(Console::isTerminal).isPresent();
  }

  /** Returns whether it takes control sequences, as {@code TERM} says. */
  static boolean obeysControlSequences() {
    return !Terminal.TYPE_DUMB.equals(System.getenv("TERM"));
  }

  /**
   * Opens it, to change its modes: by stty(1), since JLine's other ways need native access, which
   * only one module has. Where there is no stty, the modes stay as they are.
   */
  static Terminal open() throws IOException {
    return TerminalBuilder.builder()
        .name("ballast")
        .system(true)
        .type(KNOWN_TYPE)
        .exec(true)
        .jna(false)
        .jni(false)
        .ffm(false)
        .dumb(true)
        .nativeSignals(false)
        .build();
  }
}
