package dev.ballast.tools.bench;

import dev.ballast.tools.host.LabPackages;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** QEMU's microvm with KVM. */
record QemuVmm(Path program, String version) implements Vmm {
  private static final Pattern VERSION = Pattern.compile("QEMU emulator version (.+)");

  /** Finds it on the PATH. */
  static Optional<QemuVmm> find() throws IOException, InterruptedException {
    Optional<Path> program = LabPackages.find(LabPackages.QEMU);
    if (program.isEmpty()) {
      return Optional.empty();
    }
    Process process =
        new ProcessBuilder(program.get().toString(), "--version").redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    Matcher version = VERSION.matcher(output);
    if (!version.find()) {
      throw new IOException(program.get() + " does not tell its version: " + output.strip());
    }
    return Optional.of(new QemuVmm(program.get(), version.group(1).strip()));
  }

  @Override
  public String name() {
    return "QEMU";
  }

  @Override
  public boolean isPeer() {
    return true;
  }

  @Override
  public List<String> command(Path kernel, Path qmp, long memoryBytes, Role role) {
    String memory = memoryBytes / GuestPlan.MIB + "M";
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(List.of("-M", "microvm,acpi=off,memory-backend=ram", "-accel", "kvm"));
    command.addAll(List.of("-cpu", "qemu64,-cx16,-svm,phys-bits=46", "-m", memory));
    command.addAll(List.of("-object", "memory-backend-ram,id=ram,reserve=off,size=" + memory));
    command.addAll(List.of("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"));
    command.addAll(List.of("-global", "virtio-mmio.force-legacy=false"));
    command.addAll(List.of("-device", "virtio-balloon-device"));
    command.addAll(List.of("-qmp", "unix:" + qmp + ",server=on,wait=off"));
    command.addAll(List.of("-kernel", kernel.toString(), "-append", "batch=1024"));
    if (role == Role.DESTINATION) {
      command.addAll(List.of("-incoming", "defer"));
    }
    return command;
  }
}
