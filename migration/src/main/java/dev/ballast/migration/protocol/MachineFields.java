package dev.ballast.migration.protocol;

import dev.ballast.vmm.cpuid.CpuFeatureWord;
import dev.ballast.vmm.machine.MachineDescription;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The fields of a {@link MachineDescription} in {@link FrameType#CONFIG}. They are in three groups,
 * between which other fields come, because later versions of the protocol have added theirs at the
 * end.
 */
final class MachineFields {
  private static final int MAX_ENTRIES = 4096;

  private MachineFields() {}

  /** Writes the fields of every version: memory, vCPUs, devices, CPUID words. */
  static void write(MachineDescription machine, StateWriter writer) {
    writer.u64(machine.memoryBytes()).u32(machine.pageSize()).u32(machine.vcpus());
    writer.u32(machine.devices().size());
    machine.devices().forEach(writer::string);
    writer.u32(machine.cpuFeatures().size());
    for (CpuFeatureWord word : machine.cpuFeatures()) {
      writer.u32(word.function()).u32(word.index()).string(word.register()).u32(word.bits());
    }
  }

  /** Reads what {@link #write} wrote. */
  static MachineDescription read(StateReader reader) throws IOException {
    long memoryBytes = reader.u64();
    int pageSize = reader.u32();
    int vcpus = reader.u32();
    List<String> devices = new ArrayList<>();
    for (int i = reader.u32("device count", 0, MAX_ENTRIES); i > 0; i--) {
      devices.add(Messages.printableName(reader));
    }
    List<CpuFeatureWord> features = new ArrayList<>();
    for (int i = reader.u32("CPUID word count", 0, MAX_ENTRIES); i > 0; i--) {
      int function = reader.u32();
      int index = reader.u32();
      String register = Messages.printableName(reader);
      features.add(new CpuFeatureWord(function, index, register, reader.u32()));
    }
    return new MachineDescription(memoryBytes, pageSize, vcpus, devices, features);
  }

  /** Writes what {@link Protocol#VERSION_3} added: where RAM lies, and what devices offer. */
  static void writeOffers(MachineDescription machine, StateWriter writer) {
    writer.u32(machine.layout().size());
    machine.layout().forEach(range -> writer.u64(range.guestAddress()).u64(range.bytes()));
    writer.u32(machine.deviceFeatures().size());
    machine.deviceFeatures().forEach(offer -> writer.string(offer.device()).u64(offer.bits()));
  }

  /** Reads what {@link #writeOffers} wrote, and returns {@code machine} with it. */
  static MachineDescription readOffers(MachineDescription machine, StateReader reader)
      throws IOException {
    List<MachineDescription.RamRange> layout = new ArrayList<>();
    for (int i = reader.u32("RAM range count", 1, MAX_ENTRIES); i > 0; i--) {
      layout.add(new MachineDescription.RamRange(reader.u64(), reader.u64()));
    }
    List<MachineDescription.DeviceFeatures> offers = new ArrayList<>();
    for (int i = reader.u32("device feature count", 0, MAX_ENTRIES); i > 0; i--) {
      String device = Messages.printableName(reader);
      offers.add(new MachineDescription.DeviceFeatures(device, reader.u64()));
    }
    return new MachineDescription(
        machine.memoryBytes(),
        machine.pageSize(),
        machine.vcpus(),
        machine.devices(),
        machine.cpuFeatures(),
        layout,
        offers,
        machine.tscKhz(),
        machine.cpu());
  }

  /** Writes what {@link Protocol#VERSION_5} added. */
  static void writeTsc(MachineDescription machine, StateWriter writer) {
    writer.u32(machine.tscKhz());
  }

  /** Reads what {@link #writeTsc} wrote, and returns {@code machine} with it. */
  static MachineDescription readTsc(MachineDescription machine, StateReader reader)
      throws IOException {
    return machine.withTscKhz(reader.u32("TSC frequency in kHz", 0, Integer.MAX_VALUE));
  }
}
