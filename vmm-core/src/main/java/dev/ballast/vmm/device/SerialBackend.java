package dev.ballast.vmm.device;

/** The host's end of a serial line: where a guest's output goes and its input comes from. */
public interface SerialBackend extends AutoCloseable {
  /** The guest's end of the line, as a backend sees it. */
  interface Line {
    /**
     * Accepts input for the guest, as much as there is room for: none while the machine is stopped
     * or has not started, little while the guest does not read. Never waits. When it takes less
     * than all, {@link SerialBackend#readyToReceive} will follow. Called on a thread of the
     * backend, which must not hold a lock that {@code readyToReceive} takes.
     *
     * @param bytes the input
     * @param offset where it starts
     * @param length how many bytes
     * @return how many of them were taken; the backend keeps the others
     */
    int receive(byte[] bytes, int offset, int length);

    /**
     * Notifies the line that there is room again after {@link SerialBackend#transmit} had none.
     * Called on a thread of the backend, which must not hold a lock that {@code transmit} takes.
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

  /** Connects the line. Called once, before any method but {@link #close}. */
  void start(Line line);

  /**
   * Accepts a byte of output. Called on vCPU threads and, for what the host adds, on the backend's
   * own; never blocks.
   *
   * @return false if there is no room: {@link Line#readyToTransmit} will follow
   */
  boolean transmit(byte value);

  /**
   * Notifies the backend that there is room again after {@link Line#receive} took less than all.
   * Called on vCPU threads and on control threads; never blocks.
   */
  default void readyToReceive() {}

  /**
   * Writes out the output that was accepted, waiting a few seconds at most for a slow reader, and
   * releases all resources. Called on a control thread. May be called without {@link #start}, and
   * has no effect the second time.
   */
  @Override
  void close();
}
