package dev.ballast.tools.cli;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/**
 * Keyboard input for a guest, in which Ctrl-A is for Ballast: Ctrl-A x ends the machine, Ctrl-A
 * Ctrl-A or Ctrl-A a is a Ctrl-A for the guest, Ctrl-A and anything else is nothing. One thread.
 */
final class EscapeInputStream extends FilterInputStream {
  static final int ESCAPE = 1;

  private volatile @Nullable Runnable onExit;
  private boolean escaped;

  EscapeInputStream(InputStream in) {
    super(in);
  }

  /** Sets what Ctrl-A x does; before, it does nothing. */
  void onExit(Runnable action) {
    onExit = action;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    int count = read(one, 0, 1);
    return count < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    int kept = 0;
    while (kept == 0) {
      int count = in.read(bytes, offset, length);
      if (count < 0) {
        return -1;
      }
      kept = filter(bytes, offset, count);
    }
    return kept;
  }

  private int filter(byte[] bytes, int offset, int count) {
    int kept = 0;
    for (int i = offset; i < offset + count; i++) {
      byte key = bytes[i];
      if (escaped) {
        escaped = false;
        if (key == 'x') {
          exit();
        } else if (key == 'a' || key == ESCAPE) {
          bytes[offset + kept++] = ESCAPE;
        }
      } else if (key == ESCAPE) {
        escaped = true;
      } else {
        bytes[offset + kept++] = key;
      }
    }
    return kept;
  }

  private void exit() {
    Runnable action = onExit;
    if (action != null) {
      action.run();
    }
  }
}
