package dev.ballast.tools.bench;

import dev.ballast.tools.Version;
import dev.ballast.virtio.transport.mmio.VirtioMmioConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Ballast itself, as it is installed. */
record BallastVmm(Path launcher) implements Vmm {
  private static final String GUEST_OPTIONS =
      VirtioMmioConfig.FIRST_DEVICE_PARAMETER + " batch=1024";

  @Override
  public String name() {
    return "Ballast";
  }

  @Override
  public String version() {
    return Version.CURRENT.text();
  }

  @Override
  public List<String> command(Path kernel, Path qmp, long memoryBytes, Role role) {
    List<String> command = new ArrayList<>(List.of(launcher.toString(), "run"));
    command.addAll(List.of("--kernel", kernel.toString(), "--cmdline", GUEST_OPTIONS));
    command.addAll(List.of("--memory", memoryBytes / GuestPlan.MIB + "M"));
    command.addAll(List.of("--qmp", "unix:" + qmp, "--console", "stdio"));
    if (role == Role.DESTINATION) {
      command.addAll(List.of("--incoming", "defer"));
    }
    return command;
  }
}
