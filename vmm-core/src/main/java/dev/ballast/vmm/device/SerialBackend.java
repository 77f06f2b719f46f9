package dev.ballast.vmm.device;

/** The host's end of a serial line: where a guest's output goes and its input comes from. */
public interface SerialBackend extends AutoCloseable {
  /** The guest's end of the line, as a backend sees it. */
  interface Line {
    /**
     * Takes input for the guest. Waits while the guest has not read what came before, and while the
     * machine is stopped. Called on a thread of the backend.
     *
     * @param bytes the input
     * @param length how many of them
     * @throws InterruptedException if the thread is interrupted; the bytes not yet taken are lost
     */
    void receive(byte[] bytes, int length) throws InterruptedException;

    /**
     * Says that there is room again after {@link SerialBackend#transmit} had none. Called on a
     * thread of the backend, which must not hold a lock that {@code transmit} takes.
     */
    void readyToTransmit();
  }

  /**
   * Returns what is at the host's end and where, in the words of QEMU's {@code query-chardev}: for
   * instance {@code pty:/dev/pts/3}, or {@code null} for nothing. Any thread.
   */
  default String filename() {
    return "null";
  }

  /** Connects the line; called once, before anything else. */
  void start(Line line);

  /**
   * Takes a byte of output. Called on vCPU threads, one at a time; never blocks.
   *
   * @return false if there is no room: {@link Line#readyToTransmit} will follow
   */
  boolean transmit(byte value);

  /**
   * Writes out what was taken, for as long as that makes progress within reason, and lets go of all
   * resources. Called on a control thread; {@link Line#receive} must not be waiting. May be called
   * without {@link #start}, and has no effect the second time.
   */
  @Override
  void close();
}
