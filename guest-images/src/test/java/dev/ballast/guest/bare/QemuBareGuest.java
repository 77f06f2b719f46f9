package dev.ballast.guest.bare;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** QEMU's microvm with the bare guest in it, its serial line, and just enough QMP. */
final class QemuBareGuest implements AutoCloseable {
  private static final Path QEMU = Path.of("/usr/bin/qemu-system-x86_64");
  private static final Path KVM = Path.of("/dev/kvm");
  private static final Duration START = Duration.ofSeconds(30);
  private static final Pattern ACTUAL = Pattern.compile("\"actual\": (\\d+)");
  private static final Pattern STATUS = Pattern.compile("\"status\": \"([a-z-]+)\"");

  private final Process process;
  private final BareGuestConsole console;
  private final SocketChannel qmp;
  private final BufferedReader replies;
  private final OutputStream requests;

  private QemuBareGuest(Process process, Path socket) throws IOException {
    this.process = process;
    console = new BareGuestConsole(process.getInputStream(), process.getOutputStream());
    await().atMost(START).until(() -> Files.exists(socket) || !process.isAlive());
    qmp = SocketChannel.open(UnixDomainSocketAddress.of(socket));
    replies =
        new BufferedReader(
            new InputStreamReader(Channels.newInputStream(qmp), StandardCharsets.UTF_8));
    requests = Channels.newOutputStream(qmp);
    replies.readLine();
    qmp("{\"execute\":\"qmp_capabilities\"}");
  }

  /**
   * Starts QEMU, or skips the test visibly where that is impossible.
   *
   * @param accelerator {@code tcg} or {@code kvm}
   * @param memory as for {@code -m}
   * @param more further arguments
   */
  static QemuBareGuest start(
      Path directory, String accelerator, String memory, String commandLine, String... more)
      throws IOException {
    assumeTrue(Files.isExecutable(QEMU), "skipped: there is no " + QEMU);
    if (accelerator.equals("kvm")) {
      assumeTrue(
          Files.isReadable(KVM) && Files.isWritable(KVM), "skipped: " + KVM + " cannot be opened");
    }
    Path run = Files.createTempDirectory(directory, "qemu");
    Path socket = run.resolve("qmp");
    List<String> command =
        new ArrayList<>(
            List.of(
                QEMU.toString(),
                "-M",
                "microvm,acpi=off,memory-backend=ram",
                "-accel",
                accelerator,
                "-cpu",
                accelerator.equals("kvm") ? "qemu64,-cx16,-svm" : "qemu64,phys-bits=46",
                "-m",
                memory,
                "-object",
                "memory-backend-ram,id=ram,reserve=off,size=" + memory,
                "-nodefaults",
                "-display",
                "none",
                "-no-reboot",
                "-serial",
                "stdio",
                "-global",
                "virtio-mmio.force-legacy=false",
                "-device",
                "virtio-balloon-device",
                "-device",
                "isa-debug-exit,iobase=0xf4",
                "-qmp",
                "unix:" + socket + ",server=on,wait=off",
                "-kernel",
                BareGuest.writeTo(run.resolve("bare.elf")).toString(),
                "-append",
                commandLine));
    command.addAll(List.of(more));
    Process process =
        new ProcessBuilder(command).redirectError(run.resolve("errors").toFile()).start();
    try {
      return new QemuBareGuest(process, socket);
    } catch (IOException e) {
      process.destroyForcibly();
      throw new IOException("QEMU: " + Files.readString(run.resolve("errors")), e);
    }
  }

  BareGuestConsole console() {
    return console;
  }

  /** Sends a QMP command; returns the line with the reply. */
  String qmp(String request) throws IOException {
    requests.write((request + "\r\n").getBytes(StandardCharsets.UTF_8));
    requests.flush();
    for (String line; (line = replies.readLine()) != null; ) {
      if (line.startsWith("{\"return\"")) {
        return line;
      }
      if (line.startsWith("{\"error\"")) {
        throw new IOException(request + ": " + line);
      }
    }
    throw new IOException("QEMU is gone");
  }

  /** Sets the target of the balloon, in bytes of memory that the guest keeps. */
  void balloon(long bytes) throws IOException {
    qmp("{\"execute\":\"balloon\",\"arguments\":{\"value\":" + bytes + "}}");
  }

  /** Returns the memory that the guest has kept, in bytes. */
  long queryBalloon() throws IOException {
    String reply = qmp("{\"execute\":\"query-balloon\"}");
    Matcher actual = ACTUAL.matcher(reply);
    if (!actual.find()) {
      throw new IOException(reply);
    }
    return Long.parseLong(actual.group(1));
  }

  void migrate(String uri) throws IOException {
    qmp("{\"execute\":\"migrate\",\"arguments\":{\"uri\":\"" + uri + "\"}}");
  }

  String migrationStatus() throws IOException {
    Matcher status = STATUS.matcher(qmp("{\"execute\":\"query-migrate\"}"));
    return status.find() ? status.group(1) : "none";
  }

  int awaitExit() throws InterruptedException {
    if (!process.waitFor(START.toSeconds(), TimeUnit.SECONDS)) {
      throw new AssertionError("QEMU does not exit");
    }
    return process.exitValue();
  }

  @Override
  public void close() throws IOException {
    process.destroyForcibly();
    qmp.close();
    console.close();
  }
}
