package dev.ballast.tools.lab;

import dev.ballast.tools.lab.bochs.BochsConfiguration;
import dev.ballast.tools.lab.bochs.BootDisk;
import dev.ballast.tools.lab.bochs.SerialMultiplexer;
import dev.ballast.tools.lab.bochs.SerialMultiplexer.Channel;
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
import java.util.Objects;
import java.util.Optional;

/**
 * Level 1 in Bochs: one serial port for all that the init's ports are, IDE disks. The first disk is
 * the one it boots from; it has a copy of all file systems for which IDE has no place, and takes
 * what level 1 writes.
 */
final class BochsMachine implements LabMachine {
  private static final String CONFIGURATION = "bochsrc";
  private static final String COMMANDS = "commands";
  private static final String BOOT_DISK = "boot.img";
  private static final String LOG = "bochs.log";
  private static final long MIB = 1 << 20;

  /**
   * A panic ends Bochs, because it reboots by a triple fault. Level 1 is as quick as can be: it
   * does not have to be safe.
   */
  private static final String KERNEL_COMMAND_LINE =
      "console=ttyS0 quiet panic=-1 reboot=t tsc=reliable no_timer_check random.trust_cpu=on"
          + " mitigations=off cryptomgr.notests";

  private final LabProcess bochs;
  private final SocketChannel serial;
  private final SerialMultiplexer ports;
  private final BootDisk bootDisk;
  private final List<String> disks;

  private BochsMachine(
      LabProcess bochs, SocketChannel serial, BootDisk bootDisk, List<String> disks)
      throws IOException {
    this.bochs = bochs;
    this.serial = serial;
    this.ports =
        SerialMultiplexer.start(Channels.newInputStream(serial), Channels.newOutputStream(serial));
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
      InetSocketAddress address =
          (InetSocketAddress)
              server.listen(
                  Port.CONTROL,
                  ServerSocketChannel.open(),
                  new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
      Files.writeString(
          directory.resolve(CONFIGURATION),
          new BochsConfiguration(
                  options.memoryMib(), names, LabProcess.CONSOLE_LOG, address.getPort(), LOG)
              .text());
      // Debian's build begins in its debugger.
      Files.writeString(directory.resolve(COMMANDS), "c\n");
      LabProcess bochs =
          LabProcess.start(
              directory,
              List.of(program.toString(), "-q", "-unlock", "-f", CONFIGURATION, "-rc", COMMANDS),
              BochsConfiguration.ENVIRONMENT,
              options.timeout());
      boolean connected = false;
      try {
        SocketChannel serial =
            Objects.requireNonNull(
                server.accept(bochs, LoopbackPeer::isOfThisUser).get(Port.CONTROL));
        BochsMachine machine = new BochsMachine(bochs, serial, bootDisk, List.copyOf(devices));
        connected = true;
        return machine;
      } finally {
        if (!connected) {
          bochs.close();
        }
      }
    }
  }

  /** Returns a word for the n-th IDE disk, whatever the kernel has called it. */
  private static String ideDisk(int n) {
    return "/dev/$(ls /sys/bus/scsi/devices/%d:0:%d:0/block)".formatted(n / 2, n % 2);
  }

  @Override
  public InputStream input(Port port) {
    return ports.input(channel(port));
  }

  @Override
  public OutputStream output(Port port) {
    return ports.output(channel(port));
  }

  private static Channel channel(Port port) {
    return switch (port) {
      case CONTROL -> Channel.CONTROL;
      case ALIVE -> Channel.ALIVE;
      case STDIN -> Channel.STDIN;
      case STDOUT -> Channel.STDOUT;
      case STDERR -> Channel.STDERR;
    };
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
    serial.close();
  }
}
