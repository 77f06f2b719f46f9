package dev.ballast.vmm.device;

import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;

/** Input of a UART: the receiver's FIFO, and a backlog behind it, in order. Not thread-safe. */
final class ReceiveBuffer {
  /** How many bytes the FIFO holds. */
  static final int FIFO_SIZE = 16;

  private static final int BACKLOG_SIZE = 4096;

  private final ByteRing fifo = new ByteRing(FIFO_SIZE);
  private final ByteRing backlog = new ByteRing(BACKLOG_SIZE);

  /** Whether the guest has seen that the FIFO is not empty. */
  private boolean noticed;

  /** Returns whether the backlog is full. */
  boolean isFull() {
    return backlog.isFull();
  }

  /** Returns whether there is enough room to be worth waking a thread for. */
  boolean hasAmpleRoom() {
    return backlog.size() <= BACKLOG_SIZE / 2;
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

  /** Records that the guest reads whether the FIFO has data. */
  void look() {
    noticed |= !fifo.isEmpty();
  }

  /** Removes and returns the first byte of the FIFO; there must be one. */
  byte remove() {
    byte value = fifo.remove();
    noticed = !fifo.isEmpty();
    return value;
  }

  /**
   * Puts a byte into the FIFO, ahead of the backlog; returns false if the FIFO holds {@code
   * capacity} bytes.
   */
  boolean addReceived(byte value, int capacity) {
    if (fifo.size() >= capacity) {
      return false;
    }
    fifo.add(value);
    noticed = true;
    return true;
  }

  /** Empties the FIFO. */
  void clearReceived() {
    fifo.clear();
    noticed = false;
  }

  /**
   * Empties the FIFO, as a guest does when it sets its UART up. Input that the guest has not seen
   * stays: on a line of limited speed, it would arrive later.
   */
  void clearNoticed() {
    if (noticed) {
      clearReceived();
    }
  }

  void save(StateWriter writer) {
    writer.bytes(fifo.toByteArray()).bytes(backlog.toByteArray());
  }

  /** The contents of a saved buffer. */
  @SuppressWarnings("ArrayRecordComponent") // handed on once, never compared
  record Saved(byte[] fifo, byte[] backlog) {
    static Saved read(StateReader reader) throws StateFormatException {
      return new Saved(reader.bytes(FIFO_SIZE), reader.bytes(BACKLOG_SIZE));
    }
  }

  /** Replaces the contents by what was saved. */
  void load(Saved saved) {
    fifo.clear();
    backlog.clear();
    fifo.addAll(saved.fifo());
    noticed = !fifo.isEmpty();
    backlog.addAll(saved.backlog());
  }
}
