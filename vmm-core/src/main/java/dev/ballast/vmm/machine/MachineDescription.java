package dev.ballast.vmm.machine;

import dev.ballast.vmm.vcpu.CpuFeatureWord;
import dev.ballast.vmm.state.StateFormatException;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.util.ArrayList;
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
 * @param layout where guest RAM lies, ascending; empty when that is not known
 * @param deviceFeatures what devices offer to their drivers; the destination must offer it all.
 *     Devices that are not named offer nothing, or their offers are not known
 * @param tscKhz how fast the guest's TSC ticks in kHz, 0 when that is not known. Whether a machine
 *     can have it so is not compared here: {@link MigratableMachine#adoptTsc}
 */
public record MachineDescription(
    long memoryBytes,
    int pageSize,
    int vcpus,
    List<String> devices,
    List<CpuFeatureWord> cpuFeatures,
    List<RamRange> layout,
    List<DeviceFeatures> deviceFeatures,
    int tscKhz) {
  /** How many characters of each side's value a refusal tells at most. */
  private static final int MAX_TOLD = 1000;

  private static final int MAX_ENTRIES = 4096;
  private static final int MAX_NAME = 256;

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

  /** Makes one that does not say how fast the TSC ticks. */
  public MachineDescription(
      long memoryBytes,
      int pageSize,
      int vcpus,
      List<String> devices,
      List<CpuFeatureWord> cpuFeatures,
      List<RamRange> layout,
      List<DeviceFeatures> deviceFeatures) {
    this(memoryBytes, pageSize, vcpus, devices, cpuFeatures, layout, deviceFeatures, 0);
  }

  /** Makes one that says neither where RAM lies nor what devices offer. */
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
    for (CpuFeatureWord word : source.cpuFeatures) {
      int here =
          cpuFeatures.stream().filter(word::isSameRegister).mapToInt(CpuFeatureWord::bits).sum();
      if ((word.bits() & ~here) != 0) {
        String leaf = String.format("CPUID 0x%x.%d %s", word.function(), word.index(), word.register());
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
        memoryBytes, pageSize, vcpus, devices, cpuFeatures, layout, deviceFeatures, khz);
  }

  /** Writes all fields but the layout, the features of devices and the TSC frequency. */
  public void write(StateWriter writer) {
    writer.u64(memoryBytes).u32(pageSize).u32(vcpus).u32(devices.size());
    devices.forEach(writer::string);
    writer.u32(cpuFeatures.size());
    for (CpuFeatureWord word : cpuFeatures) {
      writer.u32(word.function()).u32(word.index()).string(word.register()).u32(word.bits());
    }
  }

  /** Reads a name. It ends up in messages on a terminal, which a peer must not be able to steer. */
  private static String name(StateReader reader) throws StateFormatException {
    String name = reader.string(MAX_NAME);
    if (!name.chars().allMatch(c -> c >= ' ' && c <= '~')) {
      throw reader.fail("a name is not printable ASCII");
    }
    return name;
  }

  /** Reads what {@link #write} wrote. */
  public static MachineDescription read(StateReader reader) throws StateFormatException {
    long memoryBytes = reader.u64();
    int pageSize = reader.u32();
    int vcpus = reader.u32();
    List<String> devices = new ArrayList<>();
    for (int i = reader.u32("device count", 0, MAX_ENTRIES); i > 0; i--) {
      devices.add(name(reader));
    }
    List<CpuFeatureWord> features = new ArrayList<>();
    for (int i = reader.u32("CPUID word count", 0, MAX_ENTRIES); i > 0; i--) {
      features.add(new CpuFeatureWord(reader.u32(), reader.u32(), name(reader), reader.u32()));
    }
    return new MachineDescription(memoryBytes, pageSize, vcpus, devices, features);
  }

  /** Writes what {@link #write} leaves out. */
  public void writeOffers(StateWriter writer) {
    writer.u32(layout.size());
    layout.forEach(range -> writer.u64(range.guestAddress).u64(range.bytes));
    writer.u32(deviceFeatures.size());
    deviceFeatures.forEach(features -> writer.string(features.device).u64(features.bits));
  }

  /** Reads what {@link #writeOffers} wrote, and returns this description with it. */
  public MachineDescription readOffers(StateReader reader) throws StateFormatException {
    List<RamRange> ranges = new ArrayList<>();
    for (int i = reader.u32("RAM range count", 1, MAX_ENTRIES); i > 0; i--) {
      ranges.add(new RamRange(reader.u64(), reader.u64()));
    }
    List<DeviceFeatures> features = new ArrayList<>();
    for (int i = reader.u32("device feature count", 0, MAX_ENTRIES); i > 0; i--) {
      features.add(new DeviceFeatures(name(reader), reader.u64()));
    }
    return new MachineDescription(
        memoryBytes, pageSize, vcpus, devices, cpuFeatures, ranges, features);
  }
}
