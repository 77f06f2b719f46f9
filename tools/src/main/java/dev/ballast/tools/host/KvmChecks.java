package dev.ballast.tools.host;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.linux.Errno;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Findings about KVM. */
final class KvmChecks {
  private static final Path DEVICE = Path.of("/dev/kvm");
  private static final String LAB = "Linux guests run in the lab: ballast lab -- COMMAND";

  private KvmChecks() {}

  static List<Finding> all(KvmProbe kvm) {
    List<Finding> findings = new ArrayList<>();
    findings.add(kind(kvm));
    if (kvm.kind() != HostKvm.NONE) {
      findings.add(capabilities(kvm.missingCapabilities()));
    }
    return findings;
  }

  private static Finding kind(KvmProbe kvm) {
    String summary = kvm.kind().label() + ": " + kvm.evidence();
    return switch (kvm.kind()) {
      case HARDWARE -> Finding.ok("kvm", summary);
      case PAGETABLE ->
          Finding.warn(
              "kvm",
              summary,
              "ring 0 is interpreted here: the bare guest runs at full speed, Linux does not; "
                  + LAB);
      case NONE -> Finding.warn("kvm", summary, wayOut(kvm.errno()));
    };
  }

  private static String wayOut(int errno) {
    return switch (errno) {
      case Errno.EACCES, Errno.EPERM ->
          "as root: usermod -aG "
              + group()
              + " "
              + System.getProperty("user.name")
              + ", then log in again; until then, "
              + LAB;
      case Errno.ENOENT, Errno.ENODEV, Errno.ENXIO ->
          "as root: modprobe kvm_intel (or kvm_amd), if virtualisation is enabled in the firmware;"
              + " without it, "
              + LAB;
      case Errno.EBUSY -> "end the other hypervisor that holds the processor; until then, " + LAB;
      default -> LAB;
    };
  }

  /** Returns the group that may use KVM. */
  private static String group() {
    try {
      return Files.readAttributes(DEVICE, PosixFileAttributes.class).group().getName();
    } catch (IOException _) {
      // Not even its attributes can be read; this is the group on every distribution.
      return "kvm";
    }
  }

  private static Finding capabilities(List<Capability> missing) {
    if (missing.isEmpty()) {
      return Finding.ok("capabilities", "KVM has all that Ballast needs");
    }
    return Finding.warn(
        "capabilities",
        "KVM lacks " + missing.stream().map(Enum::name).collect(Collectors.joining(", ")),
        "use a newer kernel; until then, " + LAB);
  }
}
