package dev.ballast.vmm.device;

/** The bounded buffer between the vCPUs, which never wait, and the one thread that writes. */
final class OutputBuffer {
  /** What happens to a byte that does not fit. */
  enum WhenFull {
    /** It is refused: the UART is busy until there is room, and the guest's driver waits. */
    REFUSE,
    /**
     * The oldest byte makes room for it: the other end may not be listening, and the guest must not
     * wait.
     */
    DROP_OLDEST
  }

  private final WhenFull whenFull;
  private final ByteRing ring;
  private boolean refused;
  private boolean closed;
  private long dropped;

  OutputBuffer(int capacity, WhenFull whenFull) {
    this.ring = new ByteRing(capacity);
    this.whenFull = whenFull;
  }

  /** Adds a byte; returns false if it was refused. */
  synchronized boolean offer(byte value) {
    if (closed) {
      return true;
    }
    if (ring.isFull()) {
      if (whenFull == WhenFull.REFUSE) {
        refused = true;
        return false;
      }
      ring.remove();
      dropped++;
    }
    ring.add(value);
    if (ring.size() == 1) {
      notifyAll();
    }
    return true;
  }

  /**
   * Removes bytes, up to the length of {@code into}; waits while there are none.
   *
   * @return how many bytes; -1 when it is closed and empty
   */
  synchronized int take(byte[] into) throws InterruptedException {
    while (ring.isEmpty() && !closed) {
      wait();
    }
    return ring.isEmpty() ? -1 : ring.removeInto(into);
  }

  /** Returns whether a byte was refused since the last call. */
  synchronized boolean takeRefused() {
    boolean was = refused;
    refused = false;
    return was;
  }

  /** Returns how many bytes were dropped. */
  synchronized long dropped() {
    return dropped;
  }

  /**
   * Accepts no more bytes (those that come are dropped); those that are there can still be removed.
   */
  synchronized void close() {
    closed = true;
    notifyAll();
  }
}
