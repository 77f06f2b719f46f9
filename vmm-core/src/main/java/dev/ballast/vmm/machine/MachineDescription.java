package dev.ballast.vmm.machine;

import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.GuestCpuid;
import java.util.List;
import java.util.Optional;

/**
 * What two machines must have in common for a guest to move from one to the other.
 *
 * @param memoryBytes the size of guest RAM
 * @param pageSize the page size of migration in bytes
 * @param vcpus how many vCPUs
 * @param devices the names of the state sections, in load order
 * @param cpuFeatures words of CPUID feature bits that the guest may have seen; the destination must
 *     have them all
 * @param layout where guest RAM lies, ascending; empty when it is not known
 * @param deviceFeatures what devices offer to their drivers; the destination must offer it all.
 *     Devices that are not named offer nothing, or their offers are not known
 * @param tscKhz the frequency of the guest's TSC in kHz, 0 when it is not known. {@link #refusal}
 *     does not compare it: {@link MigratableMachine#adoptTsc} does
 * @param cpu the processor that the guest sees; empty when it is not known. {@link #refusal} does
 *     not compare it, nor the words if the source has one: {@link MigratableMachine#adoptCpu} does
 */
public record MachineDescription(
    long memoryBytes,
    int pageSize,
    int vcpus,
    List<String> devices,
    List<CpuFeatureWord> cpuFeatures,
    List<RamRange> layout,
    List<DeviceFeatures> deviceFeatures,
    int tscKhz,
    Optional<CpuProfile> cpu) {
  /** How many characters of each side's value a refusal shows at most. */
  private static final int MAX_TOLD = 1000;

  /**
   * A contiguous piece of guest RAM.
   *
   * @param guestAddress the first guest physical address
   * @param bytes its size
   */
  public record RamRange(long guestAddress, long bytes) {
    @Override
    public String toString() {
      return String.format("0x%x to 0x%x", guestAddress, guestAddress + bytes - 1);
    }
  }

  /**
   * What a device offers to its driver.
   *
   * @param device the name of its state section
   * @param bits virtio feature bits 0 to 63
   */
  public record DeviceFeatures(String device, long bits) {}

  /** Takes immutable copies of the lists. */
  public MachineDescription {
    devices = List.copyOf(devices);
    cpuFeatures = List.copyOf(cpuFeatures);
    layout = List.copyOf(layout);
    deviceFeatures = List.copyOf(deviceFeatures);
  }

  /** Makes a description without the frequency of the TSC and the processor. */
  public MachineDescription(
      long memoryBytes,
      int pageSize,
      int vcpus,
      List<String> devices,
      List<CpuFeatureWord> cpuFeatures,
      List<RamRange> layout,
      List<DeviceFeatures> deviceFeatures) {
    this(
        memoryBytes,
        pageSize,
        vcpus,
        devices,
        cpuFeatures,
        layout,
        deviceFeatures,
        0,
        Optional.empty());
  }

  /** Makes a description of what every version of the migration protocol has. */
  public MachineDescription(
      long memoryBytes,
      int pageSize,
      int vcpus,
      List<String> devices,
      List<CpuFeatureWord> cpuFeatures) {
    this(memoryBytes, pageSize, vcpus, devices, cpuFeatures, List.of(), List.of());
  }

  /**
   * Returns why a guest of {@code source} cannot go on in this machine: the field and both values;
   * empty when it can.
   */
  public Optional<String> refusal(MachineDescription source) {
    if (source.memoryBytes != memoryBytes) {
      return differs("memory", source.memoryBytes + " bytes", memoryBytes + " bytes");
    }
    if (!source.layout.isEmpty() && !source.layout.equals(layout)) {
      return differs("memory layout", source.layout, layout);
    }
    if (source.pageSize != pageSize) {
      return differs("page size", source.pageSize, pageSize);
    }
    if (source.vcpus != vcpus) {
      return differs("vCPU count", source.vcpus, vcpus);
    }
    if (!source.devices.equals(devices)) {
      return differs("device list", source.devices, devices);
    }
    for (CpuFeatureWord word :
        source.cpu.isPresent() ? List.<CpuFeatureWord>of() : source.cpuFeatures) {
      int here =
          cpuFeatures.stream().filter(word::isSameRegister).mapToInt(CpuFeatureWord::bits).sum();
      if ((word.bits() & ~here & ~GuestCpuid.alwaysOffered(word)) != 0) {
        String leaf =
            String.format("CPUID 0x%x.%d %s", word.function(), word.index(), word.register());
        return differs(leaf, String.format("0x%08x", word.bits()), String.format("0x%08x", here));
      }
    }
    for (DeviceFeatures theirs : source.deviceFeatures) {
      long here =
          deviceFeatures.stream()
              .filter(mine -> mine.device.equals(theirs.device))
              .mapToLong(DeviceFeatures::bits)
              .sum();
      if ((theirs.bits & ~here) != 0) {
        return differs(
            "features of " + theirs.device,
            String.format("0x%x", theirs.bits),
            String.format("0x%x", here));
      }
    }
    return Optional.empty();
  }

  private static Optional<String> differs(String field, Object source, Object destination) {
    return Optional.of(
        field + ": source has " + brief(source) + ", destination has " + brief(destination));
  }

  /** What a peer says may be a mebibyte of text, and ends up on a terminal. */
  private static String brief(Object value) {
    String text = String.valueOf(value);
    return text.length() <= MAX_TOLD
        ? text
        : text.substring(0, MAX_TOLD) + "… (" + text.length() + " characters)";
  }

  /** Returns this description with another TSC frequency, in kHz. */
  public MachineDescription withTscKhz(int khz) {
    return new MachineDescription(
        memoryBytes, pageSize, vcpus, devices, cpuFeatures, layout, deviceFeatures, khz, cpu);
  }

  /** Returns this description with another processor. */
  public MachineDescription withCpu(Optional<CpuProfile> other) {
    return new MachineDescription(
        memoryBytes, pageSize, vcpus, devices, cpuFeatures, layout, deviceFeatures, tscKhz, other);
  }
}
