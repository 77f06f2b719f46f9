package dev.ballast.tools.bench;

import dev.ballast.tools.host.KvmProbe;
import oshi.SystemInfo;
import oshi.hardware.HardwareAbstractionLayer;

/**
 * Where the bench ran.
 *
 * @param kernel version of Linux
 * @param processor its name
 * @param cpus how many there are
 * @param memoryBytes all of it
 * @param kvm what kind of KVM, as {@code ballast doctor} calls it
 * @param load how many processes wanted to run on average, in the minute before the bench: anything
 *     but a small number makes times long, of both sides
 */
public record HostFacts(
    String kernel, String processor, int cpus, long memoryBytes, String kvm, double load) {
  /** Looks at this host. */
  static HostFacts ofThisHost() {
    SystemInfo system = new SystemInfo();
    HardwareAbstractionLayer hardware = system.getHardware();
    return new HostFacts(
        "Linux " + system.getOperatingSystem().getVersionInfo().getBuildNumber(),
        hardware.getProcessor().getProcessorIdentifier().getName().strip(),
        hardware.getProcessor().getLogicalProcessorCount(),
        hardware.getMemory().getTotal(),
        KvmProbe.run().kind().label(),
        Math.max(0, hardware.getProcessor().getSystemLoadAverage(1)[0]));
  }
}
