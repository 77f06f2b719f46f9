package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuest;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** What goes wrong for a user is said in one line, with exit code 1, or 2 for wrong usage. */
@Tag("kvm")
class ErrorReporterKvmTest {
  private static final int FAILED = 1;
  private static final int WRONG_USAGE = 2;

  @TempDir Path directory;

  private record Result(int exitCode, String errors) {}

  private static Result ballast(String... arguments) {
    StringWriter errors = new StringWriter();
    CommandLine command = Ballast.commandLine().setErr(new PrintWriter(errors, true));
    int exitCode = command.execute(arguments);
    return new Result(exitCode, errors.toString());
  }

  private static void assertFails(Result result, String... words) {
    assertThat(result.errors()).contains(words).hasLineCount(1);
    assertThat(result.exitCode()).isEqualTo(FAILED);
  }

  private Path file(String name, byte[] content) throws IOException {
    return Files.write(directory.resolve(name), content);
  }

  private static Result run(Path kernel, String... more) {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
    String[] arguments = new String[more.length + 5];
    String[] first = {"run", "--kernel", kernel.toString(), "--console", "null"};
    System.arraycopy(first, 0, arguments, 0, first.length);
    System.arraycopy(more, 0, arguments, first.length, more.length);
    return ballast(arguments);
  }

  @Test
  void aMissingKvmIsNamed() throws IOException {
    Path kernel = file("kernel", new byte[4096]);
    Result result = ballast("run", "--kernel", kernel.toString(), "--kvm", "/nonexistent/kvm");
    assertFails(result, "/nonexistent/kvm", "ballast lab");
  }

  @Test
  void aDeviceThatIsNotKvmIsNamed() throws IOException {
    assertFails(run(file("kernel", new byte[4096]), "--kvm", "/dev/null"), "/dev/null");
  }

  @Test
  void aMissingKernelIsNamed() {
    assertFails(run(directory.resolve("vmlinuz")), directory.resolve("vmlinuz").toString());
  }

  @Test
  void anEmptyKernelIsNamed() throws IOException {
    Path kernel = file("empty", new byte[0]);
    assertFails(run(kernel), kernel.toString());
  }

  @Test
  void aFileThatIsNoKernelIsNamed() throws IOException {
    Path kernel = file("noise", new byte[1 << 16]);
    assertFails(run(kernel), kernel.toString());
  }

  @Test
  void aMissingInitrdIsNamed() throws IOException {
    Path initrd = directory.resolve("initramfs");
    Path kernel = file("kernel", new byte[4096]);
    Result result = run(kernel, "--initrd", initrd.toString());
    assertThat(result.exitCode()).isEqualTo(FAILED);
    assertThat(result.errors()).hasLineCount(1);
  }

  @Test
  void memoryThatTheHostLacksIsCountedWhenItIsReserved() throws IOException {
    Path kernel = file("kernel", new byte[4096]);
    assertFails(
        run(kernel, "--memory", "2T", "--memory-backend", "reserve=on"),
        "--memory 2 TiB: host has ",
        "; use --memory-backend reserve=off or less");
  }

  @Test
  void hugePagesThatTheHostLacksAreCounted() throws IOException {
    Path kernel = file("kernel", new byte[4096]);
    assertFails(
        run(kernel, "--memory", "2T,hugepages=2M"),
        "guest memory needs 1048576 huge pages of 2 MiB, this host has ",
        " free; as root: echo ",
        " > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  }

  @Test
  void wrongUsageIsToldFromFailure() throws IOException {
    Path kernel = file("kernel", new byte[4096]);
    assertThat(ballast("run").exitCode()).isEqualTo(WRONG_USAGE);
    assertThat(run(kernel, "--memory", "1M").exitCode()).isEqualTo(WRONG_USAGE);
    Result odd = run(kernel, "--memory", "1536M,hugepages=1G");
    assertThat(odd.exitCode()).isEqualTo(WRONG_USAGE);
    assertThat(odd.errors()).contains("must be a multiple of 1G");
    assertThat(run(kernel, "--cpus", "4097").exitCode()).isEqualTo(WRONG_USAGE);
    assertThat(ballast("fly").exitCode()).isEqualTo(WRONG_USAGE);
  }

  @Test
  void aMachineThatIsNotThereIsNamed() {
    Path socket = directory.resolve("vm");
    assertFails(ballast("status", "--qmp", "unix:" + socket), socket.toString());
  }

  @Test
  void aBusyQmpSocketIsLeftAlone() throws IOException {
    Path socket = directory.resolve("busy");
    try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      other.bind(UnixDomainSocketAddress.of(socket));
      Path kernel = BareGuest.writeTo(directory.resolve("bare.elf"));
      assertFails(run(kernel, "--paused", "--qmp", "unix:" + socket), socket.toString());
      assertThat(socket).exists();
    }
  }
}
