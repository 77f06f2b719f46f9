package dev.ballast.tools.lab;

import dev.ballast.tools.host.DirectoryTree;
import dev.ballast.tools.host.LabPackages;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The QEMU process of a lab and the sockets to the ports of its virtio console. Process and files
 * are gone after {@link #close}, and when this JVM ends. Any thread; each port is for one thread at
 * a time.
 */
final class LabMachine implements AutoCloseable {
  /** The ports, named as in the init of level 1. */
  enum Port {
    CONTROL,
    ALIVE,
    STDIN,
    STDOUT,
    STDERR;

    String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  private static final String CONSOLE_LOG = "console.log";
  private static final String QEMU_LOG = "qemu.log";
  private static final int LINES_IN_ERRORS = 12;
  private static final int CONNECT_POLL_MILLIS = 100;

  private final Path directory;
  private final Process qemu;
  private final Map<Port, SocketChannel> channels = new EnumMap<>(Port.class);
  private final Thread atExit;
  private volatile @Nullable Duration expired;

  private LabMachine(Path directory, Process qemu) {
    this.directory = directory;
    this.qemu = qemu;
    atExit = new Thread(this::cleanAtExit, "lab-at-exit");
  }

  /**
   * Starts QEMU and connects to it.
   *
   * @param directory of this machine only; deleted in the end, also when this fails
   * @param disks raw images in the order in which level 1 sees them, attached read-only
   */
  static LabMachine start(
      Path directory, LabOptions options, Path kernel, Path initramfs, List<Path> disks)
      throws IOException {
    List<String> command = new ArrayList<>();
    command.add(LabRequirements.require(LabPackages.QEMU).toString());
    command.addAll(QemuArguments.machine(options, kernel, initramfs));
    command.addAll(QemuArguments.serial(directory.resolve(CONSOLE_LOG)));
    disks.forEach(disk -> command.addAll(QemuArguments.disk(disk)));
    for (Port port : Port.values()) {
      command.addAll(QemuArguments.port(port.label(), directory.resolve(port.label())));
    }
    Map<ServerSocketChannel, Port> servers = new HashMap<>();
    try (Selector selector = Selector.open()) {
      for (Port port : Port.values()) {
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        servers.put(server, port);
        server.bind(UnixDomainSocketAddress.of(directory.resolve(port.label())));
        server.configureBlocking(false).register(selector, SelectionKey.OP_ACCEPT);
      }
      LabMachine machine =
          new LabMachine(
              directory,
              new ProcessBuilder(command)
                  .directory(directory.toFile())
                  .redirectInput(Path.of("/dev/null").toFile())
                  .redirectErrorStream(true)
                  .redirectOutput(directory.resolve(QEMU_LOG).toFile())
                  .start());
      boolean connected = false;
      try {
        Runtime.getRuntime().addShutdownHook(machine.atExit);
        machine.killAfter(options.timeout());
        machine.connect(selector, servers);
        connected = true;
        return machine;
      } finally {
        if (!connected) {
          machine.close();
        }
      }
    } finally {
      for (ServerSocketChannel server : servers.keySet()) {
        server.close();
      }
    }
  }

  private void killAfter(Duration timeout) {
    qemu.onExit()
        .orTimeout(timeout.toMillis(), TimeUnit.MILLISECONDS)
        .exceptionally(
            timedOut -> {
              expired = timeout;
              return qemu.destroyForcibly();
            });
  }

  private void connect(Selector selector, Map<ServerSocketChannel, Port> servers)
      throws IOException {
    while (channels.size() < servers.size()) {
      selector.select(CONNECT_POLL_MILLIS);
      for (Map.Entry<ServerSocketChannel, Port> server : servers.entrySet()) {
        SocketChannel channel = server.getKey().accept();
        if (channel != null) {
          channels.put(server.getValue(), channel);
        }
      }
      selector.selectedKeys().clear();
      if (!qemu.isAlive()) {
        throw died();
      }
    }
  }

  /** Returns what level 1 writes to a port; ends when QEMU does. */
  InputStream input(Port port) {
    return Channels.newInputStream(channel(port));
  }

  /** Returns what level 1 reads from a port; closing it is the end of the file there, for good. */
  OutputStream output(Port port) {
    return Channels.newOutputStream(channel(port));
  }

  private SocketChannel channel(Port port) {
    SocketChannel channel = channels.get(port);
    if (channel == null) {
      throw new IllegalStateException("port " + port.label() + " is not connected");
    }
    return channel;
  }

  /** Ends the machine if it has not ended, and returns why it has, with the last lines it wrote. */
  LabException died() throws IOException {
    qemu.destroyForcibly();
    qemu.onExit().join();
    Duration limit = expired;
    if (limit != null) {
      return new LabException("the lab was stopped after " + limit.toSeconds() + " s");
    }
    List<String> lines = new ArrayList<>(lastLines(QEMU_LOG));
    lines.addAll(lastLines(CONSOLE_LOG));
    return LabException.died(
        lines.isEmpty()
            ? "the lab died without a word"
            : "the lab died; its last words:\n  " + String.join("\n  ", lines));
  }

  private List<String> lastLines(String log) throws IOException {
    Path file = directory.resolve(log);
    if (!Files.exists(file)) {
      return List.of();
    }
    // A serial console may hold any byte; Latin-1 takes them all.
    List<String> lines =
        Files.readString(file, StandardCharsets.ISO_8859_1)
            .lines()
            .map(line -> line.replaceAll("\\p{Cntrl}", "").stripTrailing())
            .filter(line -> !line.isEmpty())
            .toList();
    return lines.subList(Math.max(0, lines.size() - LINES_IN_ERRORS), lines.size());
  }

  /** Ends QEMU and deletes the directory. Does nothing the second time. */
  @Override
  public void close() throws IOException {
    try {
      Runtime.getRuntime().removeShutdownHook(atExit);
    } catch (IllegalStateException _) {
      // The JVM is ending already, and its hook cleans up.
      return;
    }
    clean();
  }

  private void clean() throws IOException {
    qemu.destroyForcibly();
    qemu.onExit().join();
    for (SocketChannel channel : channels.values()) {
      channel.close();
    }
    DirectoryTree.delete(directory);
  }

  private void cleanAtExit() {
    try {
      clean();
    } catch (IOException e) {
      System.err.println("lab: cannot clean up " + directory + ": " + e);
    }
  }
}
