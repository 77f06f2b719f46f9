package dev.ballast.tools.qmp;

import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Messages that wait for a client to read, bounded by their size in memory. A message that is
 * larger than the bound waits alone. Any thread.
 */
final class OutgoingQueue {
  /** How many bytes wait for a client, if it is more than one message. */
  static final int MAX_BYTES = 256 << 10;

  /** About the memory of an array besides its bytes. */
  private static final int OVERHEAD = 24;

  private final Deque<byte[]> messages = new ArrayDeque<>();
  private long bytes;
  private boolean ended;

  /** Adds a message; waits for room. */
  synchronized void put(byte[] message) throws InterruptedException {
    while (!offer(message)) {
      wait();
    }
  }

  /** Adds a message if there is room, and returns whether there is; never blocks. */
  synchronized boolean offer(byte[] message) {
    if (!messages.isEmpty() && bytes + message.length + OVERHEAD > MAX_BYTES) {
      return false;
    }
    messages.add(message);
    bytes += message.length + OVERHEAD;
    notifyAll();
    return true;
  }

  /** Closes the queue: no message will be added. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** Waits for a message and removes it; null once all are removed and no more will come. */
  synchronized byte @Nullable [] take() throws InterruptedException {
    while (messages.isEmpty() && !ended) {
      wait();
    }
    byte[] message = messages.poll();
    if (message != null) {
      bytes -= message.length + OVERHEAD;
      notifyAll();
    }
    return message;
  }
}
