package dev.ballast.vmm.machine;

import dev.ballast.ffi.kvm.Capability;
import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.linux.EventFd;
import dev.ballast.ffi.linux.ThreadKick;
import dev.ballast.vmm.acpi.AcpiConfig;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.bus.Bus;
import dev.ballast.vmm.bus.BusDevice;
import dev.ballast.vmm.cpuid.CpuProfile;
import dev.ballast.vmm.cpuid.HostCpu;
import dev.ballast.vmm.device.IoApic;
import dev.ballast.vmm.device.MachineDevice;
import dev.ballast.vmm.irq.GsiRouter;
import dev.ballast.vmm.irq.KvmInterruptControllers;
import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.GuestRamBlock;
import dev.ballast.vmm.memory.KvmDirtyLog;
import dev.ballast.vmm.memory.PageFilter;
import dev.ballast.vmm.memory.RamBlock;
import dev.ballast.vmm.vcpu.BootMsrs;
import dev.ballast.vmm.vcpu.GuestCpu;
import dev.ballast.vmm.vcpu.GuestTsc;
import dev.ballast.vmm.vcpu.KvmVcpuTsc;
import dev.ballast.vmm.vcpu.VcpuSet;
import dev.ballast.vmm.vcpu.VcpuState;
import dev.ballast.vmm.vcpu.VcpuThread;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes a machine's hardware, in this order: the VM and guest RAM, interrupt controllers, the
 * devices of every PC, those of the configuration, and at last the vCPUs. One thread.
 */
public final class MachineBuilder {
  /** What KVM must have. */
  public static final List<Capability> NEEDED =
      List.of(
          Capability.IRQCHIP,
          Capability.USER_MEMORY,
          Capability.SET_TSS_ADDR,
          Capability.SET_IDENTITY_MAP_ADDR,
          Capability.PIT2,
          Capability.IRQFD,
          Capability.ADJUST_CLOCK,
          Capability.MP_STATE,
          Capability.XSAVE,
          Capability.XCRS,
          Capability.VCPU_EVENTS,
          Capability.DEBUGREGS,
          Capability.IMMEDIATE_EXIT);

  private final MachineConfig config;
  private final Deque<Runnable> closers = new ArrayDeque<>();
  private final Kvm kvm;
  private final KvmVm vm;
  private final CpuProfile host;
  private final CpuProfile offered;
  private final GuestMemory memory;
  private final GsiRouter interrupts;
  private final Bus ports = new Bus("pio");
  private final Bus mmio = new Bus("mmio");
  private final List<MachineDevice> devices = new ArrayList<>();
  private final List<AcpiConfig.VirtioMmio> acpiDevices = new ArrayList<>();
  private final List<RamBlock> ramBlocks = new ArrayList<>();
  private @Nullable PageFilter pageFilter;
  private long nextMmio = AddressMap.VIRTIO_MMIO;

  private MachineBuilder(MachineConfig config) throws IOException {
    this.config = config;
    boolean ready = false;
    try {
      kvm = owned(Kvm.open(config.kvm()), Kvm::close);
      checkKvm();
      VcpuLimits.check(config, kvm);
      vm = owned(kvm.createVm(), KvmVm::close);
      host = HostCpu.read(kvm);
      offered = offered(config.cpu().offer(host));
      PhysicalAddressLimit.check(offered.cpuid(), config.ram().bytes());
      memory = owned(new GuestMemory(config.ram().open()), GuestMemory::close);
      HostPlacement.placeMemory(config.placement(), config.ram(), memory);
      if (config.incoming()) {
        memory.backing().startReceiving();
      }
      ramBlocks.add(new GuestRamBlock(memory, new KvmDirtyLog(vm, memory, config.vcpus())));
      vm.setTssAddress(AddressMap.TASK_STATE_SEGMENT);
      vm.setIdentityMapAddress(AddressMap.IDENTITY_MAP);
      containStalls();
      createInterruptControllers();
      boolean split = VcpuLimits.needsLongApicIds(config);
      interrupts = owned(new GsiRouter(vm, split), GsiRouter::close);
      ready = true;
    } finally {
      if (!ready) {
        close(closers);
      }
    }
  }

  /**
   * Makes the hardware, and loads the guest unless it will arrive by migration. vCPUs are parked.
   *
   * @param config what it is made of
   * @param vcpus an empty set, to which the vCPUs are added
   * @param events called with what the guest causes, once vCPUs run
   * @throws IOException if KVM, memory or what a device needs is missing, or the guest cannot be
   *     loaded; nothing is left behind
   */
  static Board build(MachineConfig config, VcpuSet vcpus, GuestEvents events) throws IOException {
    MachineBuilder builder = new MachineBuilder(config);
    try {
      Board board = builder.build(vcpus, events);
      if (!config.incoming()) {
        board.boot();
      }
      return board;
    } catch (IOException | RuntimeException | Error e) {
      try {
        close(builder.closers);
      } catch (RuntimeException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private Board build(VcpuSet vcpus, GuestEvents events) throws IOException {
    if (VcpuLimits.needsLongApicIds(config)) {
      addIoApic();
    }
    PlatformDevices platform = new PlatformDevices(this, events);
    devices.addAll(platform.all());
    for (DeviceConfig device : config.devices()) {
      device.attach(this);
    }
    addVcpus(vcpus, events);
    HostPlacement.pin(config.placement(), vcpus.vcpus());
    List<KvmVcpu> made = vcpus.vcpus().stream().map(VcpuThread::vcpu).toList();
    CpuProfile older = offered(config.cpu().offerOfOlderVersions(host));
    GuestCpu cpu = new GuestCpu(host, offered, older, vcpus);
    vcpus.forEach(BootMsrs::apply);
    boolean scalable = vm.checkExtension(Capability.TSC_CONTROL) != 0;
    GuestTsc tsc = new GuestTsc(made.stream().map(KvmVcpuTsc::new).toList(), scalable);
    List<VcpuState> states =
        vcpus.vcpus().stream()
            .map(thread -> new VcpuState(thread.vcpu(), cpu::msrIndices, tsc, thread))
            .toList();
    return new Board(
        config,
        kvm,
        memory,
        new Board.Processors(
            vcpus,
            new KvmParts(states, cpu.allMsrIndices(), interruptControllers()),
            new GuestClock(vm, tsc, config.clock()),
            tsc,
            cpu),
        new Board.Devices(platform, devices, acpiDevices),
        new Board.Blocks(ramBlocks, pageFilter),
        closers);
  }

  /** Adds what depends on the machine rather than on the host. */
  private CpuProfile offered(CpuProfile cpu) {
    int sharing = config.placement().vcpusOfCache(config.vcpus());
    return VcpuLimits.offered(cpu.withSharedCaches(sharing), config);
  }

  private void addVcpus(VcpuSet vcpus, GuestEvents events) throws IOException {
    ThreadKick.install();
    for (int id = 0; id < config.vcpus(); id++) {
      KvmVcpu vcpu = vm.createVcpu(id);
      vcpus.add(owned(thread(vcpu, events), VcpuThread::close));
    }
  }

  private VcpuThread thread(KvmVcpu vcpu, GuestEvents events) {
    boolean made = false;
    try {
      VcpuThread thread = new VcpuThread(vcpu, ports, mmio, memory, events::crashed);
      made = true;
      return thread;
    } finally {
      if (!made) {
        vcpu.close();
      }
    }
  }

  /**
   * Takes a vCPU out of a guest that lets no interrupt in for too long, where the processor can
   * (KVM_CAP_X86_NOTIFY_VMEXIT): the guest goes on at once, but no longer holds up the host.
   */
  private void containStalls() throws IOException {
    if (vm.checkExtension(Capability.X86_NOTIFY_VMEXIT) != 0) {
      vm.enableCapability(Capability.X86_NOTIFY_VMEXIT, 0, KvmVm.NOTIFY_VMEXIT_ENABLED);
    }
  }

  private void createInterruptControllers() throws IOException {
    if (VcpuLimits.needsLongApicIds(config)) {
      vm.useLongApicIds();
      vm.splitIrqChip(GsiRouter.PINS);
    } else {
      vm.createIrqChip();
      vm.createPit2(KvmVm.PIT_SPEAKER_DUMMY);
    }
  }

  /** The first of the devices: those that are loaded after it may raise interrupts. */
  private void addIoApic() {
    IoApic ioApic = new IoApic(interrupts);
    interrupts.attach(ioApic);
    addMmio(AddressMap.IO_APIC, IoApic.SIZE, ioApic);
    addDevice(ioApic);
  }

  private Optional<KvmInterruptControllers> interruptControllers() {
    return VcpuLimits.needsLongApicIds(config)
        ? Optional.empty()
        : Optional.of(new KvmInterruptControllers(vm));
  }

  private void checkKvm() throws IOException {
    int version = kvm.apiVersion();
    if (version != Kvm.API_VERSION) {
      throw new IOException(
          config.kvm() + ": KVM API version is " + version + ", expected " + Kvm.API_VERSION);
    }
    for (Capability needed : NEEDED) {
      if (kvm.checkExtension(needed) == 0) {
        throw new IOException(
            config.kvm() + ": this host's KVM lacks " + needed + "; a newer kernel has it");
      }
    }
  }

  /** Runs the latest first: vCPUs close before devices, devices before guest RAM, the VM last. */
  static void close(Deque<Runnable> closers) {
    RuntimeException failure = null;
    while (!closers.isEmpty()) {
      try {
        closers.pop().run();
      } catch (RuntimeException e) {
        // What is left would be left for ever.
        if (failure == null) {
          failure = e;
        } else {
          failure.addSuppressed(e);
        }
      }
    }
    if (failure != null) {
      throw failure;
    }
  }

  // ---- for devices

  /** Returns what the machine is made of. */
  public MachineConfig config() {
    return config;
  }

  /** Returns guest RAM. */
  public GuestMemory memory() {
    return memory;
  }

  /** Returns the router that hands out interrupts. */
  public GsiRouter interrupts() {
    return interrupts;
  }

  /** Closes a resource with the machine, before those registered earlier; returns it. */
  public <T> T owned(T resource, Consumer<? super T> close) {
    closers.push(() -> close.accept(resource));
    return resource;
  }

  /**
   * Adds a device to the machine's life cycle, and its state to the machine's. It is closed with
   * the machine.
   */
  public void addDevice(MachineDevice device) {
    devices.add(owned(device, MachineDevice::close));
  }

  /**
   * Puts registers into the guest's I/O ports.
   *
   * @param port the first port
   * @param count how many ports
   * @param device handles the guest's accesses
   */
  public void addPorts(int port, int count, BusDevice device) {
    ports.add(port, count, device);
  }

  /**
   * Allocates guest physical addresses for registers, and returns the first.
   *
   * @param size in bytes, a multiple of 4096
   */
  public long allocateMmio(int size) {
    long base = nextMmio;
    nextMmio += size;
    return base;
  }

  /**
   * Puts registers into the guest's physical addresses.
   *
   * @param base the first address, from {@link #allocateMmio}
   * @param size in bytes
   * @param device handles the guest's accesses
   */
  public void addMmio(long base, int size, BusDevice device) {
    mmio.add(base, size, device);
  }

  /**
   * Creates an eventfd that counts the guest's writes of one value to one register. KVM signals it
   * without an exit if it has ioeventfd (KVM API §4.59); else the write arrives at the device,
   * which has to signal the eventfd itself. It is closed with the machine.
   *
   * @param address the register's guest physical address
   * @param size of the register in bytes: 1, 2, 4 or 8
   * @param value the value
   * @throws IOException if the host has no more descriptors, or KVM refuses
   */
  public EventFd notifier(long address, int size, long value) throws IOException {
    return notifier(address, size, KvmVm.IOEVENTFD_DATAMATCH, value);
  }

  /**
   * Creates an eventfd that counts the guest's writes to one register, whatever their value: for a
   * register of one queue. KVM may then signal it before it decodes the guest's instruction, which
   * it cannot for writes of one value: that is about a microsecond faster on Intel processors. See
   * {@link #notifier(long, int, long)}.
   *
   * @param address the register's guest physical address
   * @param size of the register in bytes: 1, 2, 4 or 8; KVM takes writes of any size where it can
   * @throws IOException if the host has no more descriptors, or KVM refuses
   */
  public EventFd notifier(long address, int size) throws IOException {
    boolean anySize = vm.checkExtension(Capability.IOEVENTFD_ANY_LENGTH) != 0;
    return notifier(address, anySize ? 0 : size, 0, 0);
  }

  private EventFd notifier(long address, int size, int flags, long value) throws IOException {
    EventFd notifier = owned(EventFd.create(false), EventFd::close);
    if (vm.checkExtension(Capability.IOEVENTFD) != 0) {
      vm.ioeventfd(notifier, address, size, flags, value, true);
    }
    return notifier;
  }

  /** Adds a device to the guest's ACPI tables. */
  public void describe(AcpiConfig.VirtioMmio device) {
    acpiDevices.add(device);
  }

  /** Adds a block that migrates beside guest RAM. */
  public void addRamBlock(RamBlock block) {
    ramBlocks.add(block);
  }

  /**
   * Sets the filter of pages that need not migrate.
   *
   * @throws IOException if there is one already
   */
  public void pageFilter(PageFilter filter) throws IOException {
    if (pageFilter != null) {
      throw new IOException("a machine has one balloon at most");
    }
    pageFilter = filter;
  }
}
