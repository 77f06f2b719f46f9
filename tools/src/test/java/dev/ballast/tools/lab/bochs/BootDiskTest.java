package dev.ballast.tools.lab.bochs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.ffi.linux.BootParams;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the boot sector will find on the disk, without a machine that looks. */
class BootDiskTest {
  private static final int MEMORY_MIB = 64;
  private static final long OUT_BYTES = 3 << 20;
  private static final String COMMAND_LINE = "console=ttyS0 quiet";

  @TempDir private Path directory;
  private Path kernel;
  private byte[] code;
  private Path initramfs;

  @BeforeEach
  void writeFiles() throws IOException {
    code = new byte[300_000];
    new Random(1).nextBytes(code);
    kernel = Files.write(directory.resolve("kernel"), BzImages.of(code));
    initramfs = random("initramfs", 70_001);
  }

  private Path random(String name, int size) throws IOException {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return Files.write(directory.resolve(name), bytes);
  }

  private BootDisk write(String commandLine, int memoryMib, Path... append) throws IOException {
    return BootDisk.write(
        directory.resolve("boot.img"),
        kernel,
        commandLine,
        initramfs,
        memoryMib,
        List.of(append),
        OUT_BYTES);
  }

  private static byte[] bytes(BootDisk disk) throws IOException {
    return Files.readAllBytes(disk.file());
  }

  private static int u32(byte[] bytes, int at) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(at);
  }

  private static byte[] extent(byte[] disk, int entry) {
    int sectors = u32(disk, 0x180 + entry * 12);
    int first = u32(disk, 0x180 + entry * 12 + 4);
    return Arrays.copyOfRange(disk, first * 512, (first + sectors) * 512);
  }

  private static int address(byte[] disk, int entry) {
    return u32(disk, 0x180 + entry * 12 + 8);
  }

  @Test
  void theBootSectorsTableNamesParametersKernelAndInitramfs() throws IOException {
    byte[] disk = bytes(write(COMMAND_LINE, MEMORY_MIB));

    assertThat(extent(disk, 1)).startsWith(code);
    assertThat(address(disk, 1)).isEqualTo(BzImages.LOAD_ADDRESS);
    assertThat(extent(disk, 2)).startsWith(Files.readAllBytes(initramfs));
    // Behind the memory that the kernel needs, to the next 2 MiB.
    assertThat(address(disk, 2)).isEqualTo(0x1200000);
    int end = 0x180 + 3 * 12;
    assertThat(u32(disk, end)).as("no more").isZero();
    assertThat(u32(disk, end + 4)).isEqualTo(address(disk, 0));
    assertThat(u32(disk, end + 8)).isEqualTo(BzImages.LOAD_ADDRESS);
  }

  @Test
  void linuxSeesAnEmptyPartitionTable() throws IOException {
    byte[] disk = bytes(write(COMMAND_LINE, MEMORY_MIB));
    assertThat(Arrays.copyOfRange(disk, 446, 510)).containsOnly(0);
    assertThat(u32(disk, 508) >>> 16).isEqualTo(0xaa55);
  }

  @Test
  void theKernelIsToldOfMemoryCommandLineAndInitramfs() throws IOException {
    byte[] disk = bytes(write(COMMAND_LINE, MEMORY_MIB));
    byte[] params = extent(disk, 0);
    ByteBuffer page = ByteBuffer.wrap(params).order(ByteOrder.LITTLE_ENDIAN);

    int text = page.getInt(BootParams.CMD_LINE_PTR) - address(disk, 0);
    byte[] commandLine = Arrays.copyOfRange(params, text, text + COMMAND_LINE.length() + 1);
    assertThat(new String(commandLine, StandardCharsets.US_ASCII)).isEqualTo(COMMAND_LINE + "\0");
    assertThat(page.getInt(BootParams.RAMDISK_IMAGE)).isEqualTo(address(disk, 2));
    assertThat(page.getInt(BootParams.RAMDISK_SIZE)).isEqualTo(70_001);
    assertThat(page.getInt(BootParams.HEADER)).isEqualTo(BootParams.HEADER_MAGIC);

    long usable = 0;
    long end = 0;
    for (int i = 0; i < page.get(BootParams.E820_ENTRIES); i++) {
      int entry = BootParams.E820_TABLE + i * BootParams.E820_ENTRY_SIZE;
      long start = page.getLong(entry + BootParams.E820_ENTRY_ADDRESS);
      assertThat(start).as("ranges are ordered and apart").isGreaterThanOrEqualTo(end);
      end = start + page.getLong(entry + BootParams.E820_ENTRY_LENGTH);
      if (page.getInt(entry + BootParams.E820_ENTRY_TYPE) == 1) {
        usable += end - start;
      }
    }
    assertThat(end).isEqualTo((long) MEMORY_MIB << 20);
    assertThat(usable).isEqualTo(((long) MEMORY_MIB << 20) - 0x100000 + 0x9fc00 - 0x10000);
  }

  @Test
  void whatIsAppendedIsFoundWhereItSays() throws IOException {
    Path one = random("one", 1_000_000);
    Path two = random("two", 4096);
    BootDisk disk = write(COMMAND_LINE, MEMORY_MIB, one, two);

    byte[] all = Files.readAllBytes(disk.file());
    assertThat(disk.appended()).hasSize(2).allMatch(at -> at % (1 << 20) == 0);
    int first = disk.appended().getFirst().intValue();
    int second = disk.appended().getLast().intValue();
    assertThat(Arrays.copyOfRange(all, first, first + 1_000_000))
        .isEqualTo(Files.readAllBytes(one));
    assertThat(Arrays.copyOfRange(all, second, second + 4096)).isEqualTo(Files.readAllBytes(two));
    assertThat(disk.out() % (1 << 20)).isZero();
    assertThat(disk.size()).isEqualTo(all.length).isGreaterThanOrEqualTo(disk.out() + OUT_BYTES);
    assertThat(Arrays.copyOfRange(all, (int) disk.out(), all.length)).containsOnly(0);
    assertThat(disk.size() % (16 * 63 * 512)).as("whole cylinders").isZero();
  }

  @Test
  void refusesWhatDoesNotFit() {
    assertThatThrownBy(() -> write(COMMAND_LINE, 18))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("do not fit into 18 MiB");
    assertThatThrownBy(() -> write("x".repeat(2048), MEMORY_MIB))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("2048 bytes is too long");
    assertThat(directory.resolve("boot.img")).doesNotExist();
  }
}
