package dev.ballast.vmm.machine;

import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.cpuid.CpuModel;
import dev.ballast.vmm.device.SerialBackend;
import dev.ballast.vmm.memory.RamConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What a machine is made of.
 *
 * @param kvm the device file of KVM, normally {@code /dev/kvm}
 * @param ram guest RAM, at least 64 MiB
 * @param vcpus at least 1; KVM says how many it takes
 * @param kernel what boots; empty for a destination that never has to boot
 * @param console where the serial port goes; closed with the machine
 * @param clock what the guest's clocks do while it is stopped
 * @param devices those that not every machine has, in the order in which they are attached
 * @param incoming whether the guest will arrive by migration, rather than boot
 * @param placement where on the host it is, and which NUMA nodes its guest sees
 * @param cpu what the guest is offered of the host's processor
 */
public record MachineConfig(
    Path kvm,
    RamConfig ram,
    int vcpus,
    Optional<KernelConfig> kernel,
    SerialBackend console,
    ClockPolicy clock,
    List<DeviceConfig> devices,
    boolean incoming,
    Placement placement,
    CpuModel cpu) {
  /** The smallest guest RAM in bytes. */
  public static final long MIN_MEMORY = 64L << 20;

  /** Makes a configuration that boots, without devices, with {@link ClockPolicy#HOLD}. */
  public MachineConfig(
      Path kvm, RamConfig ram, int vcpus, Optional<KernelConfig> kernel, SerialBackend console) {
    this(
        kvm,
        ram,
        vcpus,
        kernel,
        console,
        ClockPolicy.HOLD,
        List.of(),
        false,
        Placement.NONE,
        CpuModel.HOST);
  }

  /** Checks the ranges. */
  public MachineConfig {
    if (ram.bytes() < MIN_MEMORY) {
      throw new IllegalArgumentException(
          "memory of " + ram.bytes() + " bytes: must be at least 64 MiB");
    }
    if (vcpus < 1) {
      throw new IllegalArgumentException("cpus " + vcpus + ": must be at least 1");
    }
    placement.check(vcpus, ram.bytes(), ram.unit());
    devices = List.copyOf(devices);
  }

  /** Returns this configuration with another policy for its clocks. */
  public MachineConfig withClock(ClockPolicy policy) {
    return new MachineConfig(
        kvm, ram, vcpus, kernel, console, policy, devices, incoming, placement, cpu);
  }

  /** Returns this configuration with these devices instead of its own. */
  public MachineConfig withDevices(DeviceConfig... others) {
    return new MachineConfig(
        kvm, ram, vcpus, kernel, console, clock, List.of(others), incoming, placement, cpu);
  }

  /** Returns this configuration for the destination of a migration. */
  public MachineConfig asDestination() {
    return new MachineConfig(
        kvm, ram, vcpus, kernel, console, clock, devices, true, placement, cpu);
  }

  /** Returns this configuration with another placement. */
  public MachineConfig withPlacement(Placement other) {
    return new MachineConfig(
        kvm, ram, vcpus, kernel, console, clock, devices, incoming, other, cpu);
  }

  /** Returns this configuration with another model of a processor. */
  public MachineConfig withCpu(CpuModel model) {
    return new MachineConfig(
        kvm, ram, vcpus, kernel, console, clock, devices, incoming, placement, model);
  }
}
