package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuest;
import dev.ballast.guest.bare.BareGuestConsole;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Processes in a directory whose name is longer than the address of a socket name their sockets
 * relative to it.
 */
@Tag("kvm")
@Timeout(300)
class DeepDirectoryKvmTest {
  private static final String FILL = "fill 16M 4M 7";
  private static final String CHECK = "check 16M 4M 7";

  @TempDir Path directory;
  private Path deep = Path.of("");
  private Path shortcut = Path.of("");
  private final List<Process> processes = new ArrayList<>();

  @BeforeEach
  void needsKvm() throws IOException {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
    deep = directory;
    while (deep.toString().length() < 300) {
      deep = Files.createDirectory(deep.resolve("deep-directory"));
    }
    BareGuest.writeTo(deep.resolve("bare.elf"));
    shortcut = Files.createSymbolicLink(directory.resolve("d"), deep);
  }

  @AfterEach
  void end() throws InterruptedException {
    for (Process process : processes) {
      process.destroyForcibly().waitFor();
    }
  }

  private Process ballast(String output, List<String> arguments) throws IOException {
    Process process =
        new ProcessBuilder(BallastProcess.command(arguments))
            .directory(deep.toFile())
            .redirectErrorStream(true)
            .redirectOutput(directory.resolve(output).toFile())
            .start();
    processes.add(process);
    return process;
  }

  private void run(String name, String lastSocket, String... more) throws IOException {
    List<String> arguments =
        new ArrayList<>(List.of("run", "--kernel", "bare.elf", "--memory", "64M"));
    arguments.addAll(
        List.of("--console", "unix:" + name + ".serial", "--qmp", "unix:" + name + ".qmp"));
    arguments.addAll(List.of(more));
    Process process = ballast(name + ".log", arguments);
    await()
        .atMost(BallastProcess.TIMEOUT)
        .until(() -> Files.exists(deep.resolve(lastSocket)) || !process.isAlive());
    assertThat(process.isAlive()).as(output(name + ".log")).isTrue();
  }

  private String output(String file) throws IOException {
    return Files.readString(directory.resolve(file));
  }

  private BareGuestConsole console(String name) throws IOException {
    SocketChannel serial =
        SocketChannel.open(UnixDomainSocketAddress.of(shortcut.resolve(name + ".serial")));
    return new BareGuestConsole(Channels.newInputStream(serial), Channels.newOutputStream(serial));
  }

  @Test
  void socketsNamedRelativeToADeepDirectoryWork() throws Exception {
    run("a", "a.qmp");
    run("b", "b.mig", "--incoming", "unix:b.mig");
    try (BareGuestConsole console = console("a")) {
      console.awaitReady(BallastProcess.TIMEOUT);
      console.send(FILL, BallastProcess.TIMEOUT);
    }
    Process migrate =
        ballast("migrate.log", List.of("migrate", "--qmp", "unix:a.qmp", "unix:b.mig"));
    assertThat(migrate.waitFor(BallastProcess.TIMEOUT.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(migrate.exitValue()).as(output("migrate.log")).isZero();
    try (BareGuestConsole console = console("b")) {
      console.send(CHECK, BallastProcess.TIMEOUT);
    }
    assertThat(deep.resolve("b.mig")).doesNotExist();
  }
}
