package dev.ballast.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which kernel files are Linux. */
class LinuxKernelTest {
  private static final int NOTE_SIZE = 20;

  @TempDir Path directory;

  private boolean isLinux(byte[] file) throws IOException {
    return KernelLoader.isLinux(Files.write(directory.resolve("kernel"), file));
  }

  /** A vmlinux whose note says which salt is in its build identifier, as Linux's own do. */
  private static byte[] vmlinux() {
    byte[] elf = KernelFiles.elf(new byte[3000], false);
    ByteBuffer.wrap(elf, elf.length - NOTE_SIZE, NOTE_SIZE)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(6)
        .putInt(0)
        .putInt(0x100)
        .put("Linux\0\0\0".getBytes(StandardCharsets.US_ASCII));
    return elf;
  }

  @Test
  void aBzImageAndAVmlinuxAre() throws IOException {
    assertThat(isLinux(KernelFiles.bzImage(new byte[3000]))).isTrue();
    assertThat(isLinux(vmlinux())).isTrue();
  }

  @Test
  void bareGuestsAndOtherFilesAreNot() throws IOException {
    assertThat(isLinux(KernelFiles.elf(new byte[3000], true))).isFalse();
    assertThat(isLinux(KernelFiles.elf(new byte[3000], false))).isFalse();
    assertThat(isLinux(new byte[0])).isFalse();
    assertThat(isLinux(new byte[4096])).isFalse();
  }

  @Test
  void damagedFilesAreJudgedAsWell() {
    long seed = System.nanoTime();
    System.out.println("LinuxKernelTest: seed " + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 2000; round++) {
      byte[] file = vmlinux();
      for (int i = random.nextInt(1, 8); i > 0; i--) {
        int at = random.nextInt(random.nextBoolean() ? file.length : 180);
        file[at] = (byte) (random.nextBoolean() ? -1 : random.nextInt());
      }
      byte[] damaged = random.nextBoolean() ? file : Arrays.copyOf(file, random.nextInt(300));
      assertThatCode(() -> isLinux(damaged)).as("seed %d", seed).doesNotThrowAnyException();
    }
  }
}
