package dev.ballast.tools.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The keys of a terminal, for a guest. Ctrl-A is for Ballast: Ctrl-A x ends the machine, Ctrl-A
 * Ctrl-A or Ctrl-A a is a Ctrl-A for the guest, Ctrl-A and anything else is nothing.
 *
 * <p>A thread of its own reads the keys and never waits for the guest, so that Ctrl-A x works
 * whatever the guest does. Keys that the guest has not taken wait, up to 64 KiB; there is no room
 * for more, and they are dropped.
 */
final class Keyboard extends InputStream {
  /** How many keys wait for the guest. */
  static final int TYPE_AHEAD = 64 << 10;

  private static final Logger log = LoggerFactory.getLogger(Keyboard.class);
  private static final int ESCAPE = 1;
  private static final int CHUNK = 1 << 10;

  private final InputStream keys;
  private final CompletableFuture<Void> exit = new CompletableFuture<>();
  private final ByteBuffer waiting = ByteBuffer.allocate(TYPE_AHEAD);
  private volatile Runnable bell = () -> {};
  private boolean ended;
  private boolean escaped; // the keyboard thread's

  /**
   * @param keys what is typed
   */
  Keyboard(InputStream keys) {
    this.keys = keys;
  }

  /** Starts the thread that reads the keys. */
  void start() {
    Thread.ofPlatform().daemon().name("keyboard").start(this::readKeys);
  }

  /** Completes, on the keyboard's thread, when Ctrl-A x has been typed. */
  CompletableFuture<Void> exit() {
    return exit;
  }

  /** Sets what is done, on the keyboard's thread, when a key is dropped; must not block. */
  void onDropped(Runnable action) {
    bell = action;
  }

  private void readKeys() {
    byte[] chunk = new byte[CHUNK];
    try {
      for (int count = keys.read(chunk); count >= 0; count = keys.read(chunk)) {
        if (!add(chunk, filter(chunk, count))) {
          bell.run();
        }
      }
    } catch (IOException e) {
      log.debug("the keyboard is gone: {}", e.getMessage());
    } finally {
      end();
    }
  }

  private int filter(byte[] bytes, int count) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      byte key = bytes[i];
      if (escaped) {
        escaped = false;
        if (key == 'x') {
          exit.complete(null);
        } else if (key == 'a' || key == ESCAPE) {
          bytes[kept++] = ESCAPE;
        }
      } else if (key == ESCAPE) {
        escaped = true;
      } else {
        bytes[kept++] = key;
      }
    }
    return kept;
  }

  private synchronized boolean add(byte[] bytes, int count) {
    int fit = Math.min(count, waiting.remaining());
    waiting.put(bytes, 0, fit);
    notifyAll();
    return fit == count;
  }

  private synchronized void end() {
    ended = true;
    notifyAll();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  /** Waits for keys for the guest; returns -1 when there will be none. */
  @Override
  public synchronized int read(byte[] into, int offset, int length) throws IOException {
    try {
      while (length > 0 && waiting.position() == 0 && !ended) {
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while it waits for keys");
    }
    if (length > 0 && waiting.position() == 0) {
      return -1;
    }
    waiting.flip();
    int count = Math.min(length, waiting.remaining());
    waiting.get(into, offset, count);
    waiting.compact();
    return count;
  }
}
