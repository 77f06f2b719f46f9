package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.vmm.acpi.AcpiConfig;
import dev.ballast.vmm.acpi.AcpiImage;
import dev.ballast.vmm.acpi.AcpiTables;
import dev.ballast.vmm.boot.BootEntry;
import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.boot.KernelLoader;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.GuestCpuid;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.vcpu.BootRegisters;
import dev.ballast.vmm.vcpu.GuestCpu;
import dev.ballast.vmm.vcpu.GuestTsc;
import dev.ballast.vmm.vcpu.VcpuSet;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The hardware of a machine, as {@link MachineBuilder} made it: a KVM VM with its interrupt
 * controllers, guest RAM, devices and vCPUs. {@link Lifecycle} and {@link Machine} call what
 * changes it under the machine's lock, except {@link #adoptTsc} and {@link #adoptCpu}, which are
 * called before the guest arrives. Getters return what was made, take no lock, and may be called on
 * any thread.
 */
public final class Board implements AutoCloseable {
  /**
   * The vCPUs and what KVM emulates beside them.
   *
   * @param vcpus the vCPUs
   * @param parts their state, and that of the interrupt controllers
   * @param clock the guest's clocks
   * @param tsc the guest's TSCs
   * @param cpu the processor that the guest sees
   */
  record Processors(VcpuSet vcpus, KvmParts parts, GuestClock clock, GuestTsc tsc, GuestCpu cpu) {}

  /**
   * The devices.
   *
   * @param platform those of every PC
   * @param all in load order
   * @param described those that the ACPI tables describe
   */
  record Devices(
      PlatformDevices platform, List<MachineDevice> all, List<AcpiConfig.VirtioMmio> described) {
    Devices {
      all = List.copyOf(all);
      described = List.copyOf(described);
    }
  }

  /**
   * The blocks that migrate page by page.
   *
   * @param all guest RAM is the first
   * @param filter the filter of pages that need not migrate, or null
   */
  record Blocks(List<RamBlock> all, @Nullable PageFilter filter) {
    Blocks {
      all = List.copyOf(all);
    }
  }

  private final MachineConfig config;
  private final Kvm kvm;
  private final GuestMemory memory;
  private final Processors processors;
  private final Devices devices;
  private final Blocks blocks;
  private final Deque<Runnable> closers;

  /**
   * @param closers close all of it, the first of them first
   */
  Board(
      MachineConfig config,
      Kvm kvm,
      GuestMemory memory,
      Processors processors,
      Devices devices,
      Blocks blocks,
      Deque<Runnable> closers) {
    this.config = config;
    this.kvm = kvm;
    this.memory = memory;
    this.processors = processors;
    this.devices = devices;
    this.blocks = blocks;
    this.closers = closers;
  }

  /**
   * Checks that there is something to boot, before a reset ends what runs.
   *
   * @throws IOException if no kernel was given, or a file cannot be read any more
   */
  void checkBoot() throws IOException {
    KernelLoader.checkReadable(kernel());
  }

  private KernelConfig kernel() throws IOException {
    return config.kernel().orElseThrow(() -> new IOException("the machine has no kernel to boot"));
  }

  /**
   * Returns everything to power-on, but for the content of RAM. Call while vCPUs are parked and
   * devices quiesced.
   */
  void reset() throws IOException {
    devices.all.forEach(MachineDevice::reset);
    processors.parts.reset();
    processors.cpu.reset();
    processors.vcpus.vcpus().forEach(VcpuThread::clearTerminalExit);
  }

  /**
   * Loads ACPI tables and the kernel, and sets the first vCPU up to enter it.
   *
   * @throws IOException if there is no kernel, or it is malformed or does not fit
   */
  void boot() throws IOException {
    KernelConfig kernel = kernel();
    AcpiConfig described =
        devices.platform.acpi(
            config.vcpus(), devices.described, HostPlacement.topology(config.placement(), memory));
    AcpiImage acpi = AcpiTables.build(described, AddressMap.ACPI_TABLES);
    long room = AddressMap.HIGH_MEMORY - AddressMap.ACPI_TABLES;
    if (acpi.bytes().length > room) {
      throw new IOException(
          "%d vCPUs: their ACPI tables have %d bytes, there is room for %d"
              .formatted(config.vcpus(), acpi.bytes().length, room));
    }
    try {
      memory.write(acpi.base(), MemorySegment.ofArray(acpi.bytes()));
    } catch (GuestAddressException e) {
      throw new IOException("ACPI tables do not fit: " + e.getMessage(), e);
    }
    BootEntry entry = KernelLoader.load(memory, kernel, acpi);
    BootRegisters.apply(processors.vcpus.vcpus().getFirst().vcpu(), entry);
  }

  void stopClock() throws IOException {
    processors.clock.stop();
  }

  void startClock() throws IOException {
    processors.clock.start();
    for (VcpuThread thread : processors.vcpus.vcpus()) {
      thread.vcpu().kvmclockCtrl();
    }
  }

  /** See {@link MigratableMachine#rehearseSaving}. */
  long rehearseSaving() throws IOException {
    processors.parts.rehearseSaving(processors.tsc);
    long start = System.nanoTime();
    processors.parts.rehearseSaving(processors.tsc);
    return System.nanoTime() - start;
  }

  /** See {@link MigratableMachine#rehearseStart}. */
  void rehearseStart() throws IOException {
    stopClock();
    startClock();
  }

  void pressPowerButton() {
    devices.platform.pressPowerButton();
  }

  /** Returns guest RAM. */
  public GuestMemory memory() {
    return memory;
  }

  /** Returns what the machine is made of. */
  public MachineConfig config() {
    return config;
  }

  /** Returns the system-wide KVM. */
  public Kvm kvm() {
    return kvm;
  }

  /** Returns the devices, in load order. */
  public List<MachineDevice> devices() {
    return devices.all;
  }

  List<RamBlock> ramBlocks() {
    return blocks.all;
  }

  Optional<PageFilter> pageFilter() {
    return Optional.ofNullable(blocks.filter);
  }

  /** vCPUs first: a device that is loaded may raise an interrupt, which their APICs must keep. */
  List<Snapshottable> stateSections() {
    List<Snapshottable> sections = new ArrayList<>(processors.parts.sections());
    sections.add(processors.clock);
    sections.addAll(devices.all);
    return sections;
  }

  /** Makes the guest's TSC tick as fast as at the source; see {@link Machine#adoptTsc}. */
  void adoptTsc(int khz) throws IOException {
    processors.tsc.adopt(khz);
  }

  /** Offers the guest what it was offered at the source; see {@link Machine#adoptCpu}. */
  void adoptCpu(Optional<CpuProfile> source) throws IOException {
    processors.cpu.adopt(source);
  }

  /** Returns the processor that the guest sees. */
  public GuestCpu cpu() {
    return processors.cpu;
  }

  /**
   * @param arriving whether a guest is still to arrive: then it is what is offered to that
   */
  MachineDescription description(boolean arriving) {
    CpuProfile cpu = arriving ? processors.cpu.own() : processors.cpu.current();
    CpuProfile words = arriving ? processors.cpu.older() : cpu;
    return new MachineDescription(
        memory.size(),
        RamBlock.PAGE_SIZE,
        config.vcpus(),
        stateSections().stream().map(Snapshottable::stateName).toList(),
        GuestCpuid.features(words.cpuid()),
        memory.regions().stream()
            .map(region -> new MachineDescription.RamRange(region.guestAddress(), region.size()))
            .toList(),
        devices.all.stream()
            .filter(device -> device.offeredFeatures() != 0)
            .map(
                device ->
                    new MachineDescription.DeviceFeatures(
                        device.stateName(), device.offeredFeatures()))
            .toList(),
        processors.tsc.khz(),
        Optional.of(cpu));
  }

  /** Closes all of it: vCPUs before devices, devices before guest RAM, the VM last. */
  @Override
  public void close() {
    MachineBuilder.close(closers);
  }
}
