package dev.ballast.tools.lab;

import java.nio.file.Path;
import java.util.List;

/** The command line of the lab's QEMU. */
final class QemuArguments {
  /**
   * An AMD CPU, whose virtualisation extensions QEMU can emulate, less what QEMU cannot and would
   * warn about.
   */
  private static final String CPU =
      "EPYC,+svm,+npt,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,"
          + "-nrip-save,-xsavec";

  /**
   * A panic ends QEMU, because it is told not to reboot. The kernel would panic if timer interrupts
   * were late, as they are when the host is busy. It would not trust the TSC of this CPU, and KVM
   * would then run without what it does for guests only where the TSC is stable, as on hardware.
   */
  private static final String KERNEL_COMMAND_LINE =
      "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check random.trust_cpu=on";

  private QemuArguments() {}

  static List<String> machine(LabOptions options, Path kernel, Path initramfs) {
    return List.of(
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
        "-display",
        "none",
        "-accel",
        "tcg,thread=multi",
        "-cpu",
        CPU,
        "-smp",
        Integer.toString(options.cpus()),
        "-m",
        options.memoryMib() + "M",
        "-kernel",
        kernel.toString(),
        "-initrd",
        initramfs.toString(),
        "-append",
        KERNEL_COMMAND_LINE,
        "-device",
        "virtio-serial-pci");
  }

  /** A serial port that goes to a file. */
  static List<String> serial(Path log) {
    return List.of("-serial", "file:" + log);
  }

  /** A read-only disk. */
  static List<String> disk(Path image) {
    return List.of("-drive", "if=virtio,format=raw,readonly=on,file=" + escaped(image));
  }

  /** A port of the virtio console that connects to a socket. */
  static List<String> port(String name, Path socket) {
    return List.of(
        "-chardev",
        "socket,id=" + name + ",path=" + escaped(socket),
        "-device",
        "virtserialport,chardev=" + name + ",name=" + name);
  }

  private static String escaped(Path path) {
    return path.toString().replace(",", ",,");
  }
}
