package dev.ballast.tools.lab;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/** Level 1 in QEMU: ports of a virtio console, disks of virtio. */
final class QemuMachine implements LabMachine {
  private final LabProcess qemu;
  private final Map<Port, SocketChannel> channels;
  private final int diskCount;

  private QemuMachine(LabProcess qemu, Map<Port, SocketChannel> channels, int diskCount) {
    this.qemu = qemu;
    this.channels = channels;
    this.diskCount = diskCount;
  }

  /** As {@link LabMachine#start}. */
  static QemuMachine start(Path directory, LabOptions options, LabImages images, List<Path> disks)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(LabRequirements.require(options.cpu().emulator()).toString());
    command.addAll(QemuArguments.machine(options, images.kernel(), images.initramfs()));
    command.addAll(QemuArguments.serial(directory.resolve(LabProcess.CONSOLE_LOG)));
    disks.forEach(disk -> command.addAll(QemuArguments.disk(disk)));
    try (PortServer server = new PortServer()) {
      for (Port port : Port.values()) {
        Path socket = directory.resolve(port.label());
        server.listen(
            port,
            ServerSocketChannel.open(StandardProtocolFamily.UNIX),
            UnixDomainSocketAddress.of(socket));
        command.addAll(QemuArguments.port(port.label(), socket));
      }
      LabProcess qemu = LabProcess.start(directory, command, Map.of(), options.timeout());
      boolean connected = false;
      try {
        Map<Port, SocketChannel> channels = server.accept(qemu, channel -> true);
        connected = true;
        return new QemuMachine(qemu, channels, disks.size());
      } finally {
        if (!connected) {
          qemu.close();
        }
      }
    }
  }

  @Override
  public InputStream input(Port port) {
    return Channels.newInputStream(channel(port));
  }

  @Override
  public OutputStream output(Port port) {
    SocketChannel channel = channel(port);
    return new FilterOutputStream(Channels.newOutputStream(channel)) {
      @Override
      public void write(byte[] bytes, int offset, int length) throws IOException {
        out.write(bytes, offset, length);
      }

      /** Were the socket closed, QEMU would forget what it has not read from it yet. */
      @Override
      public void close() throws IOException {
        channel.shutdownOutput();
      }
    };
  }

  private SocketChannel channel(Port port) {
    return Objects.requireNonNull(channels.get(port), port::label);
  }

  @Override
  public List<String> disks() {
    return IntStream.range(0, diskCount).mapToObj(n -> "/dev/vd" + (char) ('a' + n)).toList();
  }

  @Override
  public Optional<OutDisk> outDisk() {
    return Optional.empty();
  }

  @Override
  public LabException died() throws IOException {
    return qemu.died();
  }

  @Override
  public void close() throws IOException {
    qemu.close();
    PortServer.closeAll(channels);
  }
}
