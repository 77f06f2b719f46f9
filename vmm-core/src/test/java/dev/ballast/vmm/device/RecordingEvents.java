package dev.ballast.vmm.device;

import java.util.ArrayList;
import java.util.List;

/** Remembers what the guest asked for. */
final class RecordingEvents implements PlatformEvents {
  final List<String> events = new ArrayList<>();

  @Override
  public void reset() {
    events.add("reset");
  }

  @Override
  public void powerOff() {
    events.add("power off");
  }

  @Override
  public void panicked() {
    events.add("panic");
  }

  @Override
  public void crashKernelTakesOver() {
    events.add("crash kernel");
  }
}
