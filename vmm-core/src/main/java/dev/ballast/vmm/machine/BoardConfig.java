package dev.ballast.vmm.machine;

import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.device.SerialBackend;
import dev.ballast.vmm.memory.RamConfig;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What a board is made of.
 *
 * @param kvm the device file of KVM, normally {@code /dev/kvm}
 * @param ram guest RAM, at least 64 MiB
 * @param vcpus 1 to {@link #MAX_VCPUS}
 * @param kernel what boots; empty for a destination that never has to boot
 * @param console where the serial port goes; closed with the board
 * @param clock what the guest's clocks do while it is stopped
 */
public record BoardConfig(
    Path kvm,
    RamConfig ram,
    int vcpus,
    Optional<KernelConfig> kernel,
    SerialBackend console,
    ClockPolicy clock) {
  /** The smallest guest RAM in bytes. */
  public static final long MIN_MEMORY = 64L << 20;

  /** The most vCPUs. */
  public static final int MAX_VCPUS = 16;

  /** Makes one whose clocks stand still while it is stopped. */
  public BoardConfig(
      Path kvm, RamConfig ram, int vcpus, Optional<KernelConfig> kernel, SerialBackend console) {
    this(kvm, ram, vcpus, kernel, console, ClockPolicy.HOLD);
  }

  /** Checks the ranges. */
  public BoardConfig {
    if (ram.bytes() < MIN_MEMORY) {
      throw new IllegalArgumentException(
          "memory of " + ram.bytes() + " bytes: must be at least 64 MiB");
    }
    if (vcpus < 1 || vcpus > MAX_VCPUS) {
      throw new IllegalArgumentException("cpus " + vcpus + ": must be 1 to " + MAX_VCPUS);
    }
  }
}
