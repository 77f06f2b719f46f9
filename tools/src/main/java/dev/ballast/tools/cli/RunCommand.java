package dev.ballast.tools.cli;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.tools.host.KvmProbe;
import dev.ballast.tools.qmp.QmpServer;
import dev.ballast.tools.vm.KvmVirtualMachine;
import dev.ballast.tools.vm.ShutdownCause;
import dev.ballast.tools.vm.VmException;
import dev.ballast.virtio.transport.mmio.VirtioMmioConfig;
import dev.ballast.vmm.boot.KernelConfig;
import dev.ballast.vmm.boot.KernelLoader;
import dev.ballast.vmm.device.NullSerialBackend;
import dev.ballast.vmm.device.PtySerialBackend;
import dev.ballast.vmm.device.SerialBackend;
import dev.ballast.vmm.device.StreamSerialBackend;
import dev.ballast.vmm.device.UnixSocketSerialBackend;
import dev.ballast.vmm.machine.ClockPolicy;
import dev.ballast.vmm.machine.DeviceConfig;
import dev.ballast.vmm.machine.MachineConfig;
import dev.ballast.vmm.machine.PanicAction;
import dev.ballast.vmm.machine.Placement;
import dev.ballast.vmm.machine.TripleFaultAction;
import dev.ballast.vmm.memory.RamConfig;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ballast run}: a machine, for as long as its guest lives. */
@Command(
    name = "run",
    description = {
      "Runs a guest until it powers off, or waits for one from another machine.",
      "On a terminal, Ctrl-A x ends the machine and Ctrl-A a sends a Ctrl-A."
    },
    footer = {
      "",
      "Exit code: 0 the guest powered off or was told to quit; 1 it panicked (but see --on-panic),"
          + " KVM could not go on, or it could not start; 2 wrong usage; 130 it was ended by Ctrl-C where that is no key for"
          + " the guest (128 and the signal's number).",
      "",
      "Example: ballast run --kernel vmlinuz --initrd initramfs --cmdline 'console=ttyS0' \\",
      "             --memory 1G --cpus 2 --qmp unix:/tmp/vm"
    },
    mixinStandardHelpOptions = true)
final class RunCommand implements Callable<Integer> {
  /** A destination that is told later where to wait. */
  static final String DEFER = "defer";

  private static final long END_TIMEOUT_SECONDS = 10;

  /** More than any KVM takes on x86; it says itself how many that are. */
  private static final int MAX_CPUS = 4096;

  @Spec private CommandSpec spec;

  @Option(
      names = "--kernel",
      paramLabel = "FILE",
      description = "Kernel to boot: a Linux bzImage or an ELF file.")
  private @Nullable Path kernel;

  @Option(names = "--initrd", paramLabel = "FILE", description = "Initial RAM disk for the kernel.")
  private @Nullable Path initrd;

  @Option(
      names = "--cmdline",
      paramLabel = "TEXT",
      defaultValue = "console=ttyS0",
      description = "Command line for the kernel (default: ${DEFAULT-VALUE}).")
  private String commandLine;

  @Option(
      names = "--kernel-mode",
      paramLabel = "auto|bzimage|elf",
      defaultValue = "auto",
      description =
          "How to enter the kernel: 'bzimage' lets the guest decompress it, 'elf' does it on the"
              + " host and enters what comes out, 'auto' is the fastest that the file allows"
              + " (default: ${DEFAULT-VALUE}).")
  private KernelConfig.Mode kernelMode;

  @Mixin private PlacementOptions placement;

  @Range(min = 1, max = MAX_CPUS, example = 2)
  @Option(
      names = "--cpus",
      paramLabel = "N",
      defaultValue = "1",
      description = "Virtual CPUs, up to what this host's KVM takes (default: ${DEFAULT-VALUE}).")
  private int cpus;

  @Option(
      names = "--cpu",
      paramLabel = "MODEL[,+FEATURE|-FEATURE...]",
      defaultValue = "host",
      converter = CpuOption.Converter.class,
      description =
          "What the guest sees of the host's processor: 'host' all of it but what would keep the"
              + " guest from moving; x86-64-v2, x86-64-v3 or x86-64-v4 that level; a FILE from"
              + " 'ballast cpu --common' what several hosts have in common. A destination takes"
              + " what it could offer itself, and shows the guest what the source did"
              + " (default: ${DEFAULT-VALUE}).")
  private CpuOption cpu;

  @Option(
      names = "--balloon",
      paramLabel = "on|off|KEY=on|off,...",
      defaultValue = "on",
      converter = BalloonOption.Converter.class,
      description =
          "The balloon device; keys must-tell-host, deflate-on-oom and stats (the guest tells how"
              + " it uses its memory) are what it offers to the driver, on unless given"
              + " (default: ${DEFAULT-VALUE}).")
  private BalloonOption balloon;

  @Option(
      names = {"--console", "--serial"},
      paramLabel = "TARGET",
      defaultValue = "stdio",
      converter = ConsoleOption.Converter.class,
      description =
          "Where the serial port goes: stdio, file:PATH, pty, unix:PATH or null"
              + " (default: ${DEFAULT-VALUE}).")
  private ConsoleOption console;

  @Option(
      names = "--qmp",
      paramLabel = "unix:PATH",
      converter = QmpOption.PathConverter.class,
      description =
          "Make a QMP socket, by which other commands steer the machine; QEMU's"
              + " ',server=on,wait=off' may follow the path.")
  private @Nullable Path qmp;

  @Option(
      names = "--incoming",
      paramLabel = "URI|defer",
      converter = UnixSocketPath.UriConverter.class,
      description =
          "Wait for a guest from another machine at unix:PATH or tcp:HOST:PORT; 'defer' waits for"
              + " QMP's migrate-incoming to say where.")
  private @Nullable String incoming;

  @Option(
      names = "--on-panic",
      paramLabel = "fail|poweroff|stop|reset|continue",
      defaultValue = "fail",
      description =
          "What to do when the guest's kernel panics and says so (pvpanic): 'fail' ends the machine"
              + " with exit code 1, so that a script hears of it; 'poweroff' with 0; 'stop' keeps it"
              + " as it is, to be looked at by QMP; 'reset' boots again; 'continue' leaves it to the"
              + " guest, for instance to its panic=SECONDS (default: ${DEFAULT-VALUE}). A guest that"
              + " has loaded a crash kernel goes on with that in any case.")
  private PanicAction onPanic;

  @Option(
      names = "--on-triple-fault",
      paramLabel = "reset|stop|fail",
      defaultValue = "reset",
      description =
          "What to do at a triple fault: 'reset' boots again, as a PC does; 'stop' prints the"
              + " registers and keeps the machine as it is, to be looked at by QMP; 'fail' prints"
              + " them and ends it with exit code 1 (default: ${DEFAULT-VALUE}).")
  private TripleFaultAction onTripleFault;

  @Option(
      names = "--force",
      description = "Start a Linux kernel also where KVM seems to be unable to run it.")
  private boolean force;

  @Option(
      names = "--clock",
      paramLabel = "hold|realtime",
      defaultValue = "hold",
      description =
          "What the guest's clocks do while it is stopped or moves: 'hold' has them stand still,"
              + " 'realtime' has them catch up with the host's, which the other host's must agree"
              + " with; a destination has its own, and does not compare it with the source's"
              + " (default: ${DEFAULT-VALUE}).")
  private ClockPolicy clock;

  @Option(names = "--paused", description = "Do not start the guest before 'ballast cont'.")
  private boolean paused;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      defaultValue = "",
      description = "Name of the machine, for QMP and people.")
  private String name;

  @Option(
      names = "--uuid",
      paramLabel = "UUID",
      defaultValue = "00000000-0000-0000-0000-000000000000",
      converter = UuidConverter.class,
      description =
          "UUID of the machine, for QMP's query-uuid; it does not move with the guest: give a"
              + " destination the same (default: all zeros).")
  private UUID uuid;

  @Option(
      names = "--kvm",
      paramLabel = "DEVICE",
      defaultValue = "/dev/kvm",
      description = "Device file of KVM (default: ${DEFAULT-VALUE}).")
  private Path kvm;

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  RunCommand() {}

  @Override
  public Integer call() throws IOException, VmException {
    checkOptions();
    RamConfig ram;
    Placement where;
    try {
      ram = placement.ram();
      where = placement.placement(cpus, ram);
    } catch (IllegalArgumentException e) {
      throw wrong(String.valueOf(e.getMessage()));
    }
    if (!Files.exists(kvm)) {
      throw new IOException(kvm + " is not there: load a KVM module, or try 'ballast lab'");
    }
    try (StdioConsole terminal =
        console instanceof ConsoleOption.Stdio && HostTerminal.isThere()
            ? StdioConsole.open()
            : null) {
      SerialBackend serial = terminal == null ? openConsole() : terminal.backend();
      MachineConfig config = config(ram, where, serial);
      KvmVirtualMachine.End end = run(config, terminal);
      if (end.exitCode() != 0) {
        throw new VmException(end.message());
      }
      if (!end.message().isEmpty()) {
        spec.commandLine().getErr().println("ballast: " + end.message());
      }
      return 0;
    }
  }

  private void checkOptions() {
    if (kernel == null && incoming == null) {
      throw wrong("--kernel or --incoming is needed");
    }
    if (kernel == null && initrd != null) {
      throw wrong("--initrd goes with --kernel");
    }
    if (paused && incoming != null) {
      throw wrong("--paused makes no sense with --incoming: the guest goes on as it was");
    }
    if (DEFER.equals(incoming) && qmp == null) {
      throw wrong("--incoming defer needs --qmp");
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private SerialBackend openConsole() throws IOException {
    return switch (console) {
      case ConsoleOption.Stdio() -> StreamSerialBackend.stdio();
      case ConsoleOption.Null() -> new NullSerialBackend();
      case ConsoleOption.ToFile(Path path) -> StreamSerialBackend.file(path);
      case ConsoleOption.Unix(Path path) -> UnixSocketSerialBackend.listen(path);
      case ConsoleOption.Pty() -> {
        PtySerialBackend pty = PtySerialBackend.open();
        System.err.println("ballast: the serial port is " + pty.path());
        yield pty;
      }
    };
  }

  private MachineConfig config(RamConfig ram, Placement where, SerialBackend serial) {
    Optional<KernelConfig> boots =
        Optional.ofNullable(kernel)
            .map(
                file ->
                    new KernelConfig(file, Optional.ofNullable(initrd), commandLine, kernelMode));
    try {
      return new MachineConfig(
          kvm, ram, cpus, boots, serial, clock, devices(), incoming != null, where, cpu.model());
    } catch (IllegalArgumentException e) {
      serial.close();
      throw wrong(String.valueOf(e.getMessage()));
    }
  }

  /** In the order of their places, which a guest without ACPI knows: new kinds come last. */
  private List<DeviceConfig> devices() {
    List<DeviceConfig> devices = new ArrayList<>();
    balloon.config().ifPresent(config -> devices.add(new VirtioMmioConfig(config)));
    return devices;
  }

  private KvmVirtualMachine.End run(MachineConfig config, @Nullable StdioConsole terminal)
      throws IOException, VmException {
    CountDownLatch over = new CountDownLatch(1);
    FutureTask<Optional<String>> obstacle = new FutureTask<>(this::obstacle);
    Thread.ofPlatform().daemon().name("kvm-probe").start(obstacle);
    try (KvmVirtualMachine vm = new KvmVirtualMachine(name, uuid, config)) {
      vm.machine().onPanic(onPanic);
      vm.machine().onTripleFault(onTripleFault);
      Runtime.getRuntime().addShutdownHook(new Thread(() -> endBySignal(vm, over), "signal"));
      if (terminal != null) {
        terminal.onExit(() -> vm.quit(ShutdownCause.HOST_UI));
      }
      try (QmpServer _ = qmp == null ? null : QmpServer.start(vm, qmp)) {
        check(obstacle);
        start(vm);
        return vm.end().join();
      }
    } finally {
      over.countDown();
    }
  }

  /** Looks why the kernel could not run on this host, beside the making of the machine. */
  private Optional<String> obstacle() {
    try {
      return !force && kernel != null && KernelLoader.isLinux(kernel)
          ? KvmProbe.obstacleToLinux(kvm)
          : Optional.empty();
    } catch (IOException e) {
      // Whoever loads it says what is wrong with the file.
      return Optional.empty();
    }
  }

  private void check(FutureTask<Optional<String>> obstacle) throws IOException {
    try {
      Optional<String> found = obstacle.get();
      if (found.isPresent()) {
        throw new IOException(
            kernel
                + ": a Linux kernel, which "
                + kvm
                + " cannot run: it is the pagetable kind of KVM ("
                + found.get()
                + "). Linux guests run in the lab: 'ballast lab -- COMMAND'; 'ballast doctor' tells"
                + " more; --force starts it here all the same");
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while the machine was made");
    }
  }

  private void start(KvmVirtualMachine vm) throws VmException {
    if (incoming == null) {
      if (!paused) {
        vm.cont();
      }
    } else if (!incoming.equals(DEFER)) {
      MigrationUri at = vm.migration().startIncoming(incoming);
      spec.commandLine().getErr().println("ballast: waiting for a guest at " + at);
    }
  }

  /** What SIGTERM and the like do: sockets go away and QMP clients hear of it before Java ends. */
  private static void endBySignal(KvmVirtualMachine vm, CountDownLatch over) {
    if (over.getCount() == 0) {
      return;
    }
    vm.quit(ShutdownCause.HOST_SIGNAL);
    try {
      if (!over.await(END_TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        System.err.println("ballast: the machine does not end and is left to the kernel");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
