package dev.ballast.tools.cli;

import dev.ballast.vmm.device.SerialBackend;
import dev.ballast.vmm.device.StreamSerialBackend;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.EnumSet;
import org.jline.terminal.Attributes;
import org.jline.terminal.Attributes.ControlChar;
import org.jline.terminal.Attributes.LocalFlag;
import org.jline.terminal.Terminal;

/**
 * A guest's serial line on the terminal of Ballast. Every key goes to the guest, Ctrl-C too; {@link
 * Keyboard} has the exceptions. However Java ends, the terminal is as before.
 */
final class StdioConsole implements AutoCloseable {
  private static final byte BELL = 7;

  private final Keyboard keyboard = new Keyboard(new FileInputStream(FileDescriptor.in));
  private final Terminal terminal;
  private final Attributes before;
  private final Thread restorer = new Thread(this::restore, "terminal");

  private StdioConsole(Terminal terminal) {
    this.terminal = terminal;
    this.before = terminal.getAttributes();
    Runtime.getRuntime().addShutdownHook(restorer);
    Attributes raw = new Attributes(before);
    raw.setLocalFlags(
        EnumSet.of(LocalFlag.ICANON, LocalFlag.ECHO, LocalFlag.IEXTEN, LocalFlag.ISIG), false);
    raw.setInputFlags(
        EnumSet.of(
            Attributes.InputFlag.IXON, Attributes.InputFlag.ICRNL, Attributes.InputFlag.INLCR),
        false);
    raw.setControlChar(ControlChar.VMIN, 1);
    raw.setControlChar(ControlChar.VTIME, 0);
    terminal.setAttributes(raw);
  }

  static StdioConsole open() throws IOException {
    StdioConsole console = new StdioConsole(HostTerminal.open());
    console.keyboard.start();
    return console;
  }

  /** Returns what connects the guest. */
  SerialBackend backend() {
    StreamSerialBackend backend =
        new StreamSerialBackend("stdio", keyboard, new FileOutputStream(FileDescriptor.out));
    keyboard.onDropped(() -> backend.transmit(BELL));
    return backend;
  }

  /** Sets what Ctrl-A x does, even if it has been typed already. */
  void onExit(Runnable action) {
    var _ = keyboard.exit().thenRun(action);
  }

  private synchronized void restore() {
    terminal.setAttributes(before);
  }

  @Override
  public void close() throws IOException {
    restore();
    terminal.close();
    try {
      Runtime.getRuntime().removeShutdownHook(restorer);
    } catch (IllegalStateException e) {
      // Java is shutting down, and the hook restores the terminal once more.
      return;
    }
  }
}
