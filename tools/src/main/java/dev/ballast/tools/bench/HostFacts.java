package dev.ballast.tools.bench;

import dev.ballast.tools.host.HostSystem;
import dev.ballast.tools.host.KvmProbe;
import java.io.IOException;

/**
 * The host on which the bench ran.
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
  /** Returns the facts of this host. */
  static HostFacts ofThisHost() throws IOException {
    HostSystem host = HostSystem.current();
    HostSystem.Processors processors = host.processors();
    return new HostFacts(
        "Linux " + host.kernelRelease(),
        processors.name(),
        processors.logical(),
        host.memory().totalBytes(),
        KvmProbe.run().kind().label(),
        host.load());
  }
}
