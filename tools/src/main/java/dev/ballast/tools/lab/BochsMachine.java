package dev.ballast.tools.lab;

import dev.ballast.tools.host.LabPackages;
import dev.ballast.tools.lab.bochs.BochsConfiguration;
import dev.ballast.tools.lab.bochs.BootDisk;
import dev.ballast.tools.lab.bochs.SerialLink;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Level 1 in Bochs: serial ports, IDE disks. The first disk is the one it boots from; it has a copy
 * of all file systems for which IDE has no place, and takes what level 1 writes.
 */
final class BochsMachine implements LabMachine {
  private static final String CONFIGURATION = "bochsrc";
  private static final String COMMANDS = "commands";
  private static final String BOOT_DISK = "boot.img";
  private static final long MIB = 1 << 20;

  /** Serial ports after the console, in their order; the others share them. */
  private static final List<Port> SERIAL = List.of(Port.CONTROL, Port.STDOUT, Port.STDERR);

  /**
   * A panic ends Bochs, because it reboots by a triple fault. Level 1 is as quick as can be: it
   * does not have to be safe.
   */
  private static final String KERNEL_COMMAND_LINE =
      "console=ttyS0 quiet panic=-1 reboot=t tsc=reliable no_timer_check random.trust_cpu=on"
          + " mitigations=off cryptomgr.notests";

  private final LabProcess bochs;
  private final Map<Port, SocketChannel> channels;
  private final SerialLink link = new SerialLink();
  private final BootDisk bootDisk;
  private final List<String> disks;

  private BochsMachine(
      LabProcess bochs,
      Map<Port, SocketChannel> channels,
      BootDisk bootDisk,
      List<String> disks) {
    this.bochs = bochs;
    this.channels = channels;
    this.bootDisk = bootDisk;
    this.disks = disks;
  }

  /** As {@link LabMachine#start}. */
  static BochsMachine start(Path directory, LabOptions options, LabImages images, List<Path> disks)
      throws IOException {
    Path program = LabRequirements.require(options.cpu().emulator());
    int own = Math.min(disks.size(), BochsConfiguration.MAX_DISKS - 1);
    BootDisk bootDisk =
        BootDisk.write(
            directory.resolve(BOOT_DISK),
            images.kernel(),
            KERNEL_COMMAND_LINE,
            images.initramfs(),
            options.memoryMib(),
            disks.subList(own, disks.size()),
            options.memoryMib() * MIB);
    List<String> names = new ArrayList<>(List.of(BOOT_DISK));
    List<String> devices = new ArrayList<>();
    for (Path disk : disks.subList(0, own)) {
      // Bochs keeps a lock file beside each disk: this directory, not the cache, gets it.
      String name = "disk" + names.size() + ".img";
      Files.createSymbolicLink(directory.resolve(name), disk);
      devices.add(ideDisk(names.size()));
      names.add(name);
    }
    for (long offset : bootDisk.appended()) {
      devices.add(
          "$(loop=$(losetup -f) && losetup -r -o %d $loop %s && echo $loop)"
              .formatted(offset, ideDisk(0)));
    }
    try (PortServer server = new PortServer()) {
      List<Integer> ports = new ArrayList<>();
      for (Port port : SERIAL) {
        InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0);
        InetSocketAddress bound =
            (InetSocketAddress) server.listen(port, ServerSocketChannel.open(), anyPort);
        ports.add(bound.getPort());
      }
      Files.writeString(
          directory.resolve(CONFIGURATION),
          new BochsConfiguration(
                  options.memoryMib(), names, LabProcess.CONSOLE_LOG, ports, "bochs.log")
              .text());
      // Debian's build begins in its debugger.
      Files.writeString(directory.resolve(COMMANDS), "c\n");
      LabProcess bochs =
          LabProcess.start(
              directory,
              onTerminal(program, "-q", "-unlock", "-f", CONFIGURATION, "-rc", COMMANDS),
              Map.of("TERM", "linux"),
              options.timeout());
      boolean connected = false;
      try {
        Map<Port, SocketChannel> channels = server.accept(bochs, LoopbackPeer::isOfThisUser);
        connected = true;
        return new BochsMachine(bochs, channels, bootDisk, List.copyOf(devices));
      } finally {
        if (!connected) {
          bochs.close();
        }
      }
    }
  }

  /**
   * Returns a command that runs a program on a terminal of its own, which Bochs's text screen wants
   * to have; what it shows there goes to standard output.
   *
   * @param arguments without characters that mean something to a shell
   */
  private static List<String> onTerminal(Path program, String... arguments) throws LabException {
    return List.of(
        LabRequirements.require(LabPackages.SCRIPT).toString(),
        "-q",
        "-e",
        "-c",
        "exec " + ShellScript.quote(program.toString()) + " " + String.join(" ", arguments),
        "/dev/null");
  }

  /** Returns a word for the n-th IDE disk, whatever the kernel has called it. */
  private static String ideDisk(int n) {
    return "/dev/$(ls /sys/bus/scsi/devices/%d:0:%d:0/block)".formatted(n / 2, n % 2);
  }

  @Override
  public InputStream input(Port port) {
    InputStream in = Channels.newInputStream(channel(port));
    return port == Port.CONTROL ? link.text(in) : in;
  }

  @Override
  public OutputStream output(Port port) {
    return port == Port.STDIN
        ? link.lines(Channels.newOutputStream(channel(Port.STDOUT)))
        : Channels.newOutputStream(channel(port));
  }

  private SocketChannel channel(Port port) {
    return Objects.requireNonNull(channels.get(port), port::label);
  }

  @Override
  public List<String> disks() {
    return disks;
  }

  @Override
  public Optional<OutDisk> outDisk() {
    return Optional.of(new OutDisk(ideDisk(0), bootDisk.file(), bootDisk.out()));
  }

  @Override
  public LabException died() throws IOException {
    return bochs.died();
  }

  @Override
  public void close() throws IOException {
    bochs.close();
    PortServer.closeAll(channels);
  }
}
