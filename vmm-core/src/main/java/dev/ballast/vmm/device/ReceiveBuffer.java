package dev.ballast.vmm.device;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.Arrays;

/** Input of a UART: the receiver's FIFO, and what waits behind it, in order. Not thread-safe. */
final class ReceiveBuffer {
  /** How many bytes the FIFO holds. */
  static final int FIFO_SIZE = 16;

  private static final int BACKLOG_SIZE = 4096;

  private final ByteRing fifo = new ByteRing(FIFO_SIZE);

  /** A loaded state comes before what came in here: twice the bound. */
  private final ByteRing backlog = new ByteRing(2 * BACKLOG_SIZE + FIFO_SIZE);

  /** Tells whether as much waits as may. */
  boolean isFull() {
    return backlog.size() >= BACKLOG_SIZE;
  }

  /** Adds input; it must not be full. */
  void add(byte value) {
    backlog.add(value);
  }

  /** Moves input into the FIFO until that holds {@code capacity} bytes. */
  void refill(int capacity) {
    while (!backlog.isEmpty() && fifo.size() < capacity) {
      fifo.add(backlog.remove());
    }
  }

  /** Returns how many bytes are in the FIFO. */
  int received() {
    return fifo.size();
  }

  /** Takes the first byte out of the FIFO; there must be one. */
  byte remove() {
    return fifo.remove();
  }

  /**
   * Puts a byte into the FIFO, past what waits; returns false if it holds {@code capacity} bytes.
   */
  boolean addReceived(byte value, int capacity) {
    if (fifo.size() >= capacity) {
      return false;
    }
    fifo.add(value);
    return true;
  }

  /** Empties the FIFO. */
  void clearReceived() {
    fifo.clear();
  }

  /** What is beyond the bound stays here, as what the backend still holds does. */
  void save(StateWriter writer) {
    byte[] waiting = backlog.toByteArray();
    writer
        .bytes(fifo.toByteArray())
        .bytes(Arrays.copyOf(waiting, Math.min(waiting.length, BACKLOG_SIZE)));
  }

  /** The contents of a saved buffer. */
  @SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
  record Saved(byte[] fifo, byte[] backlog) {
    static Saved read(StateReader reader) throws StateFormatException {
      return new Saved(reader.bytes(FIFO_SIZE), reader.bytes(BACKLOG_SIZE));
    }
  }

  /**
   * Takes over what was saved; input that came in here meanwhile comes after it, as far as there is
   * room.
   */
  void load(Saved saved) {
    byte[] receivedHere = fifo.toByteArray();
    byte[] waitingHere = backlog.toByteArray();
    fifo.clear();
    backlog.clear();
    fifo.addAll(saved.fifo());
    backlog.addAll(saved.backlog());
    addWhatFits(receivedHere);
    addWhatFits(waitingHere);
  }

  private void addWhatFits(byte[] values) {
    for (int i = 0; i < values.length && !backlog.isFull(); i++) {
      backlog.add(values[i]);
    }
  }
}
