package dev.ballast.tools.lab.bochs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.tools.host.LabPackages;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Boots the disk in QEMU, whose IDE disks and BIOS are others than Bochs's, but quick. */
@Tag("lab")
class BootSectorTest {
  private static final String COMMAND_LINE = "a=1 b=2";

  /** Sends the command line to COM1, then the sum of the initramfs's bytes, and triple-faults. */
  private static final String KERNEL =
      """
      8b be 28 02 00 00   # mov edi, [esi + cmd_line_ptr]
      ba f8 03 00 00      # mov edx, COM1
      8a 07               # mov al, [edi]
      ee                  # out dx, al
      47                  # inc edi
      84 c0               # test al, al
      75 f8               # jnz to the third instruction
      8b be 18 02 00 00   # mov edi, [esi + ramdisk_image]
      8b 8e 1c 02 00 00   # mov ecx, [esi + ramdisk_size]
      31 db               # xor ebx, ebx
      0f b6 07            # movzx eax, byte [edi]
      01 c3               # add ebx, eax
      47                  # inc edi
      49                  # dec ecx
      75 f7               # jnz to movzx
      b1 04               # mov cl, 4
      88 d8               # mov al, bl
      ee                  # out dx, al
      c1 eb 08            # shr ebx, 8
      fe c9               # dec cl
      75 f6               # jnz to mov al, bl
      0f 0b               # ud2, with the gates that real mode had
      """;

  @TempDir private Path directory;

  @BeforeEach
  void needsQemu() {
    assumeTrue(LabPackages.find(LabPackages.QEMU).isPresent(), "there is no QEMU");
  }

  private byte[] boot(byte[] initramfs) throws IOException, InterruptedException {
    String hex = KERNEL.replaceAll("#.*", "").replaceAll("\\s", "");
    byte[] code = new byte[1024];
    byte[] start = HexFormat.of().parseHex(hex);
    System.arraycopy(start, 0, code, 0, start.length);
    BootDisk disk =
        BootDisk.write(
            directory.resolve("boot.img"),
            Files.write(directory.resolve("kernel"), BzImages.of(code)),
            COMMAND_LINE,
            Files.write(directory.resolve("initramfs"), initramfs),
            64,
            List.of(),
            0);
    return run(disk.file());
  }

  private byte[] run(Path disk) throws IOException, InterruptedException {
    Path console = directory.resolve("console");
    Process qemu =
        new ProcessBuilder(
                LabPackages.find(LabPackages.QEMU).orElseThrow().toString(),
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
                "-accel",
                "tcg",
                "-m",
                "64M",
                "-drive",
                "if=ide,format=raw,file=" + disk,
                "-serial",
                "file:" + console)
            .inheritIO()
            .start();
    try {
      assertThat(qemu.waitFor(1, TimeUnit.MINUTES)).as("ends").isTrue();
    } finally {
      qemu.destroyForcibly();
    }
    return Files.readAllBytes(console);
  }

  @Test
  void entersTheKernelWithEverythingInItsPlace() throws Exception {
    // More than a command reads, 256 sectors; and not whole sectors.
    byte[] initramfs = new byte[300_001];
    new Random(1).nextBytes(initramfs);
    int sum = 0;
    for (byte b : initramfs) {
      sum += b & 0xff;
    }
    ByteBuffer expected =
        ByteBuffer.allocate(COMMAND_LINE.length() + 5).order(ByteOrder.LITTLE_ENDIAN);
    expected.put((COMMAND_LINE + "\0").getBytes(StandardCharsets.US_ASCII)).putInt(sum);
    assertThat(boot(initramfs)).isEqualTo(expected.array());
  }

  @Test
  void saysThatTheDiskCannotBeRead() throws Exception {
    byte[] initramfs = new byte[1000];
    boot(initramfs);
    Path disk = directory.resolve("boot.img");
    ByteBuffer sector = ByteBuffer.wrap(Files.readAllBytes(disk)).order(ByteOrder.LITTLE_ENDIAN);
    // An extent that begins behind the end of the disk.
    sector.putInt(0x180 + 4, (int) (Files.size(disk) / 512) + 1);
    Files.write(disk, sector.array());
    assertThat(new String(run(disk), StandardCharsets.US_ASCII))
        .isEqualTo("the boot disk cannot be read\n");
  }
}
