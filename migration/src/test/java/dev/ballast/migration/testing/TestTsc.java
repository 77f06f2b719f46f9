package dev.ballast.migration.testing;

import dev.ballast.vmm.vcpu.GuestTsc;
import dev.ballast.vmm.vcpu.VcpuTsc;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;

/** The TSC of a machine that is none: it has a frequency, and may let that be changed. */
final class TestTsc implements VcpuTsc {
  private final boolean scalable;
  private final GuestTsc counters;
  private int khz;

  TestTsc(int khz, boolean scalable) {
    this.khz = khz;
    this.scalable = scalable;
    try {
      this.counters = new GuestTsc(List.of(this), scalable);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  GuestTsc counters() {
    return counters;
  }

  @Override
  public int khz() {
    return khz;
  }

  @Override
  public void khz(int wanted) throws IOException {
    if (!scalable) {
      throw new IOException("EINVAL");
    }
    khz = wanted;
  }

  @Override
  public long value() {
    return 0;
  }

  @Override
  public void value(long value) {}

  @Override
  public boolean hasOffset() {
    return false;
  }

  @Override
  public long offset() {
    return 0;
  }

  @Override
  public void offset(long offset) {}

  @Override
  public void restartDeadline() {}
}
