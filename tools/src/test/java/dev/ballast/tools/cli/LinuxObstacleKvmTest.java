package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.tools.host.HostKvm;
import dev.ballast.tools.host.KvmProbe;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * A Linux kernel is refused where KVM cannot run one, and nowhere else. The kernel here is one by
 * its note only: it switches the machine off at once.
 */
@Tag("kvm")
@Timeout(60)
class LinuxObstacleKvmTest {
  private static final int LOAD_ADDRESS = 0x100_0000;
  private static final int HEADERS = 64 + 2 * 56;
  private static final byte[] NAME = "Linux\0\0\0".getBytes(StandardCharsets.US_ASCII);
  private static final int NOTE_SIZE = 12 + NAME.length;
  private static final int LINUX_ELFNOTE_BUILD_SALT = 0x100;

  private static final byte[] POWER_OFF = {
    0x66,
    (byte) 0xba,
    0x04,
    0x06, // mov dx, 0x604
    0x66,
    (byte) 0xb8,
    0x00,
    0x34, // mov ax, S5
    0x66,
    (byte) 0xef, // out dx, ax
    (byte) 0xeb,
    (byte) 0xfe, // jmp self
  };

  @TempDir Path directory;

  private record Result(int exitCode, String errors) {}

  private Path kernel() throws IOException {
    ByteBuffer elf =
        ByteBuffer.allocate(HEADERS + NOTE_SIZE + POWER_OFF.length).order(ByteOrder.LITTLE_ENDIAN);
    elf.putInt(0x464c457f).put((byte) 2).put((byte) 1).put((byte) 1);
    elf.position(16);
    elf.putShort((short) 2).putShort((short) 62).putInt(1);
    elf.putLong(LOAD_ADDRESS).putLong(64).putLong(0).putInt(0);
    elf.putShort((short) 64).putShort((short) 56).putShort((short) 2);
    elf.position(64);
    programHeader(elf, 1, HEADERS + NOTE_SIZE, POWER_OFF.length);
    programHeader(elf, 4, HEADERS, NOTE_SIZE);
    elf.putInt("Linux\0".length()).putInt(0).putInt(LINUX_ELFNOTE_BUILD_SALT).put(NAME);
    elf.put(POWER_OFF);
    return Files.write(directory.resolve("vmlinux"), elf.array());
  }

  private static void programHeader(ByteBuffer elf, int type, long offset, long size) {
    elf.putInt(type).putInt(7).putLong(offset).putLong(LOAD_ADDRESS).putLong(LOAD_ADDRESS);
    elf.putLong(size).putLong(size).putLong(4096);
  }

  private Result run(String... options) throws IOException {
    String[] arguments = new String[options.length + 5];
    String[] first = {"run", "--kernel", kernel().toString(), "--console", "null"};
    System.arraycopy(first, 0, arguments, 0, first.length);
    System.arraycopy(options, 0, arguments, first.length, options.length);
    StringWriter errors = new StringWriter();
    CommandLine command = Ballast.commandLine().setErr(new PrintWriter(errors, true));
    int exitCode = command.execute(arguments);
    return new Result(exitCode, errors.toString());
  }

  private static void assumeKind(HostKvm kind) {
    HostKvm here = KvmProbe.run().kind();
    assumeTrue(
        here == kind, "this host's KVM is " + here.label() + ", this is for " + kind.label());
  }

  @Test
  void whereRingZeroIsInterpretedItIsRefusedWithTheWayOut() throws Exception {
    assumeKind(HostKvm.PAGETABLE);
    Result result = run();
    assertThat(result.errors())
        .hasLineCount(1)
        .contains("vmlinux", "popcnt", "KVM_EXIT_INTERNAL_ERROR", "ballast lab", "--force");
    assertThat(result.exitCode()).isEqualTo(1);
  }

  @Test
  void itIsStartedAllTheSameIfThatIsInsistedOn() throws Exception {
    assumeKind(HostKvm.PAGETABLE);
    assertThat(run("--force")).isEqualTo(new Result(0, ""));
  }

  @Test
  void whereHardwareRunsItItIsStarted() throws Exception {
    assumeKind(HostKvm.HARDWARE);
    assertThat(run()).isEqualTo(new Result(0, ""));
  }
}
