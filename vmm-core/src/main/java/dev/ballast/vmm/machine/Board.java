package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.CpuidTable;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.linux.EventFd;
import dev.ballast.ffi.linux.ThreadKick;
import dev.ballast.vmm.acpi.AcpiConfig;
import dev.ballast.vmm.acpi.AcpiImage;
import dev.ballast.vmm.acpi.AcpiTables;
import dev.ballast.vmm.boot.BootEntry;
import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.boot.KernelLoader;
import dev.ballast.vmm.bus.Bus;
import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.bus.MmioSlot;
import dev.ballast.vmm.irq.KvmInterruptControllers;
import dev.ballast.vmm.irq.KvmInterruptLine;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.GuestRamBlock;
import dev.ballast.vmm.memory.KvmDirtyLog;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.state.Snapshottable;
import dev.ballast.vmm.state.StateReader;
import dev.ballast.vmm.state.StateWriter;
import dev.ballast.vmm.vcpu.BootRegisters;
import dev.ballast.vmm.vcpu.GuestCpuid;
import dev.ballast.vmm.vcpu.GuestTsc;
import dev.ballast.vmm.vcpu.KvmVcpuTsc;
import dev.ballast.vmm.vcpu.VcpuSet;
import dev.ballast.vmm.vcpu.VcpuState;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The hardware of a machine: a KVM VM with its interrupt controllers, guest RAM, buses and devices.
 * It is built in three steps: the constructor makes the fixed parts, {@link #addMmioDevice} the
 * virtio ones, {@link #startVcpus} the vCPUs. After that only {@link Machine} calls it, under its
 * lock.
 */
public final class Board implements AutoCloseable {
  /** Makes a device for its place on the board. */
  @FunctionalInterface
  public interface MmioDeviceFactory<D extends MachineDevice & BusDevice> {
    /**
     * Makes the device.
     *
     * @param memory guest RAM
     * @param slot where it sits
     * @throws IOException if host resources are missing
     */
    D create(GuestMemory memory, MmioSlot slot) throws IOException;
  }

  private static final long TSS_ADDRESS = 0xFFFB_D000L;
  private static final long IDENTITY_MAP_ADDRESS = 0xFFFB_C000L;
  private static final long ACPI_BASE = 0xE_0000L;
  private static final long MMIO_SLOTS_BASE = 0xD000_0000L;
  private static final int MMIO_SLOT_SIZE = 0x1000;
  private static final int FIRST_MMIO_GSI = 16;
  private static final int MAX_MMIO_SLOTS = 8;
  private static final int QUEUE_NOTIFY = 0x50;

  private final BoardConfig config;
  private final Kvm kvm;
  private final KvmVm vm;
  private final GuestMemory memory;
  private final Bus pio = new Bus("pio");
  private final Bus mmio = new Bus("mmio");
  private final PlatformDevices platform;
  private final KvmInterruptControllers interruptControllers;
  private final CpuidTable cpuid;
  private final List<MachineDevice> devices = new ArrayList<>();
  private final List<AcpiConfig.VirtioMmio> mmioSlots = new ArrayList<>();
  private final List<RamBlock> ramBlocks = new ArrayList<>();
  private final List<VcpuState> vcpuStates = new ArrayList<>();
  private final List<byte[]> powerOnStates = new ArrayList<>();
  private final Deque<Runnable> closers = new ArrayDeque<>();
  private @Nullable PageFilter pageFilter;
  private final GuestEventRelay guestEvents = new GuestEventRelay();
  private @Nullable VcpuSet vcpus;
  private @Nullable GuestTsc tsc;
  private @Nullable GuestClock clock;

  /**
   * Makes the VM, its RAM and the fixed devices.
   *
   * @param config what the board is made of
   * @throws IOException if KVM or memory is missing; nothing is left behind
   */
  public Board(BoardConfig config) throws IOException {
    this.config = config;
    try {
      kvm = owned(Kvm.open(config.kvm()), Kvm::close);
      checkKvm();
      vm = owned(kvm.createVm(), KvmVm::close);
      memory = owned(new GuestMemory(config.ram().open()), GuestMemory::close);
      ramBlocks.add(new GuestRamBlock(memory, new KvmDirtyLog(vm, memory)));
      vm.setTssAddress(TSS_ADDRESS);
      vm.setIdentityMapAddress(IDENTITY_MAP_ADDRESS);
      vm.createIrqChip();
      vm.createPit2(KvmVm.PIT_SPEAKER_DUMMY);
      interruptControllers = new KvmInterruptControllers(vm);
      cpuid = GuestCpuid.offered(kvm.supportedCpuid());
      platform = new PlatformDevices(this, pio, guestEvents);
      devices.addAll(platform.all());
    } catch (IOException | RuntimeException e) {
      close();
      // Nobody else has it yet if what failed came before the serial port.
      config.console().close();
      throw e;
    }
  }

  /** Keeps a resource until the board is closed. */
  <T> T owned(T resource, Consumer<? super T> close) {
    closers.push(() -> close.accept(resource));
    return resource;
  }

  private void checkKvm() throws IOException {
    int version = kvm.apiVersion();
    if (version != Kvm.API_VERSION) {
      throw new IOException(
          config.kvm() + ": KVM API version is " + version + ", expected " + Kvm.API_VERSION);
    }
    for (Capability needed :
        List.of(
            Capability.IRQCHIP,
            Capability.USER_MEMORY,
            Capability.SET_TSS_ADDR,
            Capability.PIT2,
            Capability.IRQFD,
            Capability.XSAVE,
            Capability.VCPU_EVENTS,
            Capability.DEBUGREGS,
            Capability.IMMEDIATE_EXIT)) {
      if (kvm.checkExtension(needed) == 0) {
        throw new IOException(
            config.kvm() + ": this host's KVM lacks " + needed + "; a newer kernel has it");
      }
    }
  }

  /** Makes an interrupt line that lives as long as the board. */
  KvmInterruptLine interruptLine(int gsi, boolean edge) throws IOException {
    return owned(new KvmInterruptLine(vm, gsi, edge), KvmInterruptLine::close);
  }

  /**
   * Adds a virtio-mmio device. Call before {@link #startVcpus}.
   *
   * @param factory makes it; the board closes it
   * @throws IOException if KVM or the factory refuses, or all places are taken
   */
  public <D extends MachineDevice & BusDevice> D addMmioDevice(MmioDeviceFactory<D> factory)
      throws IOException {
    int number = mmioSlots.size();
    if (number == MAX_MMIO_SLOTS) {
      throw new IOException("all " + MAX_MMIO_SLOTS + " places for virtio devices are taken");
    }
    long base = MMIO_SLOTS_BASE + (long) number * MMIO_SLOT_SIZE;
    int gsi = FIRST_MMIO_GSI + number;
    EventFd queueNotify = owned(EventFd.create(false), EventFd::close);
    if (vm.checkExtension(Capability.IOEVENTFD) != 0) {
      vm.ioeventfd(queueNotify, base + QUEUE_NOTIFY, 4, 0, 0, true);
    }
    MmioSlot slot = new MmioSlot(base, MMIO_SLOT_SIZE, interruptLine(gsi, true), gsi, queueNotify);
    D device = owned(factory.create(memory, slot), MachineDevice::close);
    mmio.add(base, MMIO_SLOT_SIZE, device);
    devices.add(device);
    mmioSlots.add(new AcpiConfig.VirtioMmio(base, MMIO_SLOT_SIZE, gsi));
    return device;
  }

  /** Adds a block that migrates beside guest RAM. */
  public void addRamBlock(RamBlock block) {
    ramBlocks.add(block);
  }

  /** Sets who knows the pages that need not migrate. */
  public void setPageFilter(PageFilter filter) {
    pageFilter = filter;
  }

  /**
   * Makes the vCPUs, parked.
   *
   * @param events told what the guest does to its machine
   * @throws IOException if KVM refuses one
   */
  VcpuSet startVcpus(GuestEvents events) throws IOException {
    guestEvents.forwardTo(events);
    ThreadKick.install();
    boolean tscDeadline = kvm.checkExtension(Capability.TSC_DEADLINE_TIMER) != 0;
    List<VcpuThread> threads = new ArrayList<>();
    for (int id = 0; id < config.vcpus(); id++) {
      KvmVcpu vcpu = vm.createVcpu(id);
      threads.add(
          owned(new VcpuThread(vcpu, pio, mmio, memory, guestEvents::crashed), VcpuThread::close));
      vcpu.setCpuid(GuestCpuid.forVcpu(cpuid, id, config.vcpus(), tscDeadline));
    }
    startClocks(threads.stream().map(VcpuThread::vcpu).toList());
    for (Snapshottable part : kvmParts()) {
      StateWriter writer = new StateWriter();
      part.saveState(writer);
      powerOnStates.add(writer.toByteArray());
    }
    vcpus = new VcpuSet(threads);
    return vcpus;
  }

  private void startClocks(List<KvmVcpu> made) throws IOException {
    boolean scalable = vm.checkExtension(Capability.TSC_CONTROL) != 0;
    GuestTsc counters = new GuestTsc(made.stream().map(KvmVcpuTsc::new).toList(), scalable);
    int[] msrs = kvm.msrIndexList();
    made.forEach(vcpu -> vcpuStates.add(new VcpuState(vcpu, msrs, counters)));
    tsc = counters;
    clock = new GuestClock(vm, counters, config.clock());
  }

  private List<Snapshottable> kvmParts() {
    List<Snapshottable> parts = new ArrayList<>(vcpuStates);
    parts.add(interruptControllers);
    return parts;
  }

  /**
   * Looks whether there is something to boot, before what runs is given up for it.
   *
   * @throws IOException if no kernel was given, or a file is not there any more
   */
  void checkBoot() throws IOException {
    KernelLoader.checkReadable(kernel());
  }

  private KernelConfig kernel() throws IOException {
    return config
        .kernel()
        .orElseThrow(() -> new IOException("no kernel to boot: start with --kernel FILE"));
  }

  /**
   * Takes everything back to power-on. vCPUs are parked, devices quiesced. RAM keeps its content.
   */
  void reset() throws IOException {
    devices.forEach(MachineDevice::reset);
    List<Snapshottable> parts = kvmParts();
    for (int i = 0; i < parts.size(); i++) {
      Snapshottable part = parts.get(i);
      part.loadState(new StateReader(part.stateName(), powerOnStates.get(i)), part.stateVersion());
    }
    if (vcpus != null) {
      vcpus.vcpus().forEach(VcpuThread::clearTerminalExit);
    }
  }

  /**
   * Loads ACPI tables and the kernel, and sets the first vCPU up to enter it.
   *
   * @throws IOException if there is no kernel, or it is malformed or does not fit
   */
  void boot() throws IOException {
    KernelConfig kernel = kernel();
    AcpiImage acpi = AcpiTables.build(platform.acpi(config.vcpus(), mmioSlots), ACPI_BASE);
    try {
      memory.write(acpi.base(), MemorySegment.ofArray(acpi.bytes()));
    } catch (GuestAddressException e) {
      throw new IOException("ACPI tables do not fit: " + e.getMessage(), e);
    }
    BootEntry entry = KernelLoader.load(memory, kernel, acpi);
    BootRegisters.apply(vcpus().vcpus().getFirst().vcpu(), entry);
  }

  private VcpuSet vcpus() {
    return started(vcpus);
  }

  private static <T> T started(@Nullable T part) {
    if (part == null) {
      throw new IllegalStateException("vCPUs have not been started");
    }
    return part;
  }

  void stopClock() throws IOException {
    started(clock).stop();
  }

  void startClock() throws IOException {
    started(clock).start();
    for (VcpuThread thread : vcpus().vcpus()) {
      thread.vcpu().kvmclockCtrl();
    }
  }

  void pressPowerButton() {
    platform.pressPowerButton();
  }

  /** Returns guest RAM. */
  public GuestMemory memory() {
    return memory;
  }

  /** Returns what the board is made of. */
  public BoardConfig config() {
    return config;
  }

  /** Returns the system-wide KVM. */
  public Kvm kvm() {
    return kvm;
  }

  List<MachineDevice> devices() {
    return devices;
  }

  List<RamBlock> ramBlocks() {
    return List.copyOf(ramBlocks);
  }

  Optional<PageFilter> pageFilter() {
    return Optional.ofNullable(pageFilter);
  }

  /** vCPUs first: a device that is loaded may raise an interrupt, which their APICs must keep. */
  List<Snapshottable> stateSections() {
    List<Snapshottable> sections = kvmParts();
    sections.add(started(clock));
    sections.addAll(devices);
    return sections;
  }

  /** Makes the guest's TSC tick as fast as where the guest comes from. */
  void adoptTsc(int khz) throws IOException {
    started(tsc).adopt(khz);
  }

  MachineDescription description() {
    return new MachineDescription(
        memory.size(),
        RamBlock.PAGE_SIZE,
        config.vcpus(),
        stateSections().stream().map(Snapshottable::stateName).toList(),
        GuestCpuid.features(cpuid),
        memory.regions().stream()
            .map(region -> new MachineDescription.RamRange(region.guestAddress(), region.size()))
            .toList(),
        devices.stream()
            .filter(device -> device.offeredFeatures() != 0)
            .map(
                device ->
                    new MachineDescription.DeviceFeatures(
                        device.stateName(), device.offeredFeatures()))
            .toList(),
        started(tsc).khz());
  }

  /** Closes all, the latest first: vCPUs before devices, devices before guest RAM, the VM last. */
  @Override
  public void close() {
    while (!closers.isEmpty()) {
      closers.pop().run();
    }
  }
}
