package dev.ballast.tools.vm;

import static org.awaitility.Awaitility.await;

import dev.ballast.guest.bare.BareGuest;
import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.virtio.balloon.BalloonConfig;
import dev.ballast.virtio.transport.mmio.VirtioMmioConfig;
import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.cpuid.CpuModel;
import dev.ballast.vmm.device.UnixSocketSerialBackend;
import dev.ballast.vmm.machine.ClockPolicy;
import dev.ballast.vmm.machine.DeviceConfig;
import dev.ballast.vmm.machine.MachineConfig;
import dev.ballast.vmm.machine.Placement;
import dev.ballast.vmm.memory.RamConfig;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Machines with the bare guest, whose sockets are in one directory, by name. */
record BareMachines(Path directory, long memoryBytes, int vcpus) {
  static final Duration TIMEOUT = Duration.ofSeconds(60);
  private static final String DEVICE = VirtioMmioConfig.FIRST_DEVICE_PARAMETER;

  /** Machines with one vCPU. */
  BareMachines(Path directory, long memoryBytes) {
    this(directory, memoryBytes, 1);
  }

  /** Makes a machine with a balloon, on the memory that a source or a destination has. */
  KvmVirtualMachine make(String name, boolean incoming) throws IOException {
    return make(name, incoming, Optional.of(BalloonConfig.DEFAULT), "");
  }

  /**
   * Makes a machine.
   *
   * @param words for the guest's command line
   */
  KvmVirtualMachine make(
      String name, boolean incoming, Optional<BalloonConfig> balloon, String words)
      throws IOException {
    return make(name, incoming, RamConfig.anonymous(memoryBytes), balloon, words);
  }

  /** Makes a machine with a balloon whose guest sees what a model leaves of the host's CPU. */
  KvmVirtualMachine make(String name, boolean incoming, CpuModel cpu) throws IOException {
    MachineConfig config =
        config(
            name,
            incoming,
            RamConfig.anonymous(memoryBytes),
            Optional.of(BalloonConfig.DEFAULT),
            "");
    return new KvmVirtualMachine(name, VirtualMachine.NO_UUID, config.withCpu(cpu));
  }

  /** Makes a machine on memory of any kind. */
  KvmVirtualMachine make(
      String name, boolean incoming, RamConfig ram, Optional<BalloonConfig> balloon, String words)
      throws IOException {
    MachineConfig config = config(name, incoming, ram, balloon, words);
    return new KvmVirtualMachine(name, VirtualMachine.NO_UUID, config);
  }

  private MachineConfig config(
      String name, boolean incoming, RamConfig ram, Optional<BalloonConfig> balloon, String words)
      throws IOException {
    KernelConfig boots =
        new KernelConfig(
            BareGuest.writeTo(directory.resolve("bare.elf")),
            Optional.empty(),
            balloon.isPresent() ? DEVICE + " " + words : words,
            KernelConfig.Mode.AUTO);
    return new MachineConfig(
        Path.of("/dev/kvm"),
        ram,
        vcpus,
        Optional.of(boots),
        UnixSocketSerialBackend.listen(directory.resolve(name)),
        ClockPolicy.HOLD,
        balloon.stream().<DeviceConfig>map(VirtioMmioConfig::new).toList(),
        incoming,
        Placement.NONE,
        CpuModel.HOST);
  }

  BareGuestConsole console(String name) throws IOException {
    SocketChannel serial = SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve(name)));
    return new BareGuestConsole(Channels.newInputStream(serial), Channels.newOutputStream(serial));
  }

  String uri(KvmVirtualMachine destination) {
    return "unix:" + directory.resolve(destination.name() + ".migration");
  }

  /** Migrates, and waits for the end, whichever it is. */
  MigrationProgress migrate(KvmVirtualMachine from, KvmVirtualMachine to) throws VmException {
    to.migration().startIncoming(uri(to));
    from.migration().start(uri(to));
    return end(from);
  }

  static MigrationProgress end(KvmVirtualMachine source) {
    await().atMost(TIMEOUT).until(() -> !source.migration().progress().status().underWay());
    return source.migration().progress();
  }
}
