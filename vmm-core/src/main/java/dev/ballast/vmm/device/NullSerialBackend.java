package dev.ballast.vmm.device;

/** A line with nothing at the other end: output is discarded, there is no input. */
public final class NullSerialBackend implements SerialBackend {
  @Override
  public void start(Line line) {}

  @Override
  public boolean transmit(byte value) {
    return true;
  }

  @Override
  public void close() {}
}
