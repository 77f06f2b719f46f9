package dev.ballast.vmm.machine;

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
 */
public record MachineDescription(
    long memoryBytes,
    int pageSize,
    int vcpus,
    List<String> devices,
    List<CpuFeatureWord> cpuFeatures) {
  private static final int MAX_ENTRIES = 4096;

  /**
   * One register of a CPUID leaf.
   *
   * @param function the leaf (EAX)
   * @param index the sub-leaf (ECX)
   * @param register {@code eax}, {@code ebx}, {@code ecx} or {@code edx}
   * @param bits its feature bits
   */
  public record CpuFeatureWord(int function, int index, String register, int bits) {
    private boolean sameRegister(CpuFeatureWord other) {
      return function == other.function && index == other.index && register.equals(other.register);
    }
  }

  /** Takes immutable copies of the lists. */
  public MachineDescription {
    devices = List.copyOf(devices);
    cpuFeatures = List.copyOf(cpuFeatures);
  }

  /**
   * Returns why a guest of {@code source} cannot go on in this machine: the field and both values;
   * empty when it can.
   */
  public Optional<String> refusal(MachineDescription source) {
    if (source.memoryBytes != memoryBytes) {
      return differs("memory", source.memoryBytes + " bytes", memoryBytes + " bytes");
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
          cpuFeatures.stream().filter(word::sameRegister).mapToInt(CpuFeatureWord::bits).sum();
      if ((word.bits & ~here) != 0) {
        String leaf = String.format("CPUID 0x%x.%d %s", word.function, word.index, word.register);
        return differs(leaf, String.format("0x%08x", word.bits), String.format("0x%08x", here));
      }
    }
    return Optional.empty();
  }

  private static Optional<String> differs(String field, Object source, Object destination) {
    return Optional.of(field + ": source has " + source + ", destination has " + destination);
  }

  /** Writes all fields. */
  public void write(StateWriter writer) {
    writer.u64(memoryBytes).u32(pageSize).u32(vcpus).u32(devices.size());
    devices.forEach(writer::string);
    writer.u32(cpuFeatures.size());
    for (CpuFeatureWord word : cpuFeatures) {
      writer.u32(word.function).u32(word.index).string(word.register).u32(word.bits);
    }
  }

  /** Reads what {@link #write} wrote. */
  public static MachineDescription read(StateReader reader) throws StateFormatException {
    long memoryBytes = reader.u64();
    int pageSize = reader.u32();
    int vcpus = reader.u32();
    List<String> devices = new ArrayList<>();
    for (int i = reader.u32("device count", 0, MAX_ENTRIES); i > 0; i--) {
      devices.add(reader.string(256));
    }
    List<CpuFeatureWord> features = new ArrayList<>();
    for (int i = reader.u32("CPUID word count", 0, MAX_ENTRIES); i > 0; i--) {
      features.add(new CpuFeatureWord(reader.u32(), reader.u32(), reader.string(8), reader.u32()));
    }
    return new MachineDescription(memoryBytes, pageSize, vcpus, devices, features);
  }
}
