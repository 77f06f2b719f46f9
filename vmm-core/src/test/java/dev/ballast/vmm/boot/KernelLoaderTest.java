package dev.ballast.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.acpi.AcpiImage;
import dev.ballast.vmm.bus.AddressMap;
import dev.ballast.vmm.memory.AnonymousRam;
import dev.ballast.vmm.memory.GuestAddressException;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class KernelLoaderTest {
  private static final long RAM = 64L << 20;
  private static final long RSDP = 0xe0000;
  private static final AcpiImage ACPI = new AcpiImage(new byte[0x1000], RSDP, RSDP);
  private static final String COMMAND_LINE = "console=ttyS0 quiet";

  @TempDir Path directory = Path.of("");
  private GuestMemory memory = new GuestMemory(new AnonymousRam(RAM, false));
  private final byte[] content = new byte[50_000];

  KernelLoaderTest() throws IOException {}

  @BeforeEach
  void makeContent() {
    new Random(2).nextBytes(content);
  }

  @AfterEach
  void unmap() {
    memory.close();
  }

  @Test
  void entersAnElfFileByPvh() throws Exception {
    memory.writeU64(KernelFiles.LOAD_ADDRESS + content.length + 8, -1);
    BootEntry entry = load(KernelFiles.elf(content, true), KernelConfig.Mode.AUTO, new byte[5000]);
    assertThat(entry)
        .isEqualTo(new BootEntry.Pvh(KernelFiles.PVH_ENTRY, AddressMap.PVH_START_INFO));
    assertContentLoaded();

    // Xen, start_info.h
    long info = AddressMap.PVH_START_INFO;
    assertThat(memory.readU32(info)).isEqualTo(0x336ec578);
    assertThat(memory.readU32(info + 4)).isEqualTo(1);
    assertThat(memory.readU32(info + 12)).isEqualTo(1);
    long module = memory.readU64(info + 16);
    assertInitrd(memory.readU64(module), memory.readU64(module + 8), 5000);
    assertCommandLine(memory.readU64(info + 24));
    assertThat(memory.readU64(info + 32)).isEqualTo(RSDP);
    assertMemoryMap(memory.readU64(info + 40), memory.readU32(info + 48), 24);
  }

  @Test
  void entersAnElfFileWithoutPvhNoteInLongMode() throws Exception {
    BootEntry entry =
        load(KernelFiles.elf(content, false), KernelConfig.Mode.AUTO, new byte[100_000]);
    assertThat(entry)
        .isEqualTo(new BootEntry.Linux64(KernelFiles.LOAD_ADDRESS, AddressMap.BOOT_PARAMS));
    assertContentLoaded();
    assertBootParams(100_000);
    assertLongModeTables();
  }

  @Test
  void entersABzImageByThe64BitProtocol() throws Exception {
    byte[] image =
        KernelFiles.bzImage(
            KernelFiles.payload(KernelPayload.Compression.LZ4, KernelFiles.elf(content, true)));
    BootEntry entry = load(image, KernelConfig.Mode.BZIMAGE, new byte[100_000]);
    assertThat(entry)
        .isEqualTo(new BootEntry.Linux64(KernelFiles.LOAD_ADDRESS + 0x200, AddressMap.BOOT_PARAMS));
    int setup = 3 * 512;
    byte[] loaded =
        memory.view(KernelFiles.LOAD_ADDRESS, image.length - setup).toArray(ValueLayout.JAVA_BYTE);
    assertThat(loaded).isEqualTo(Arrays.copyOfRange(image, setup, image.length));
    assertBootParams(100_000);
    assertLongModeTables();
    long page = AddressMap.BOOT_PARAMS;
    assertThat(memory.readU32(page + 0x260)).isEqualTo((int) KernelFiles.MEMORY_NEEDED);
    assertThat(memory.readU32(page + 0x214)).isEqualTo((int) KernelFiles.LOAD_ADDRESS);
    assertThat(Integer.toUnsignedLong(memory.readU32(page + 0x218)) + 100_000)
        .isLessThanOrEqualTo(KernelFiles.INITRD_LIMIT);
  }

  @ParameterizedTest
  @EnumSource(
      names = {"BZIP2", "LZO"},
      mode = EnumSource.Mode.EXCLUDE)
  void decompressesABzImageAndEntersWhatIsInIt(KernelPayload.Compression compression)
      throws Exception {
    byte[] image =
        KernelFiles.bzImage(KernelFiles.payload(compression, KernelFiles.elf(content, true)));
    for (KernelConfig.Mode mode : List.of(KernelConfig.Mode.AUTO, KernelConfig.Mode.ELF)) {
      assertThat(load(image, mode, new byte[10]))
          .isEqualTo(new BootEntry.Pvh(KernelFiles.PVH_ENTRY, AddressMap.PVH_START_INFO));
      assertContentLoaded();
    }
  }

  @Test
  void letsTheGuestDecompressWhatItCannot() throws Exception {
    byte[] image =
        KernelFiles.bzImage(KernelFiles.payload(KernelPayload.Compression.BZIP2, content));
    assertThat(load(image, KernelConfig.Mode.AUTO, new byte[10]))
        .isInstanceOf(BootEntry.Linux64.class);
    assertThatThrownBy(() -> load(image, KernelConfig.Mode.ELF, new byte[10]))
        .hasMessageContaining("BZIP2");
  }

  @Test
  void boundsTheCommandLine() throws Exception {
    byte[] elf = KernelFiles.elf(content, true);
    byte[] image = KernelFiles.bzImage(KernelFiles.payload(KernelPayload.Compression.GZIP, elf));
    Path file = Files.write(directory.resolve("kernel"), image);
    String fits = "x".repeat(KernelFiles.COMMAND_LINE_LIMIT);
    load(file, fits, KernelConfig.Mode.BZIMAGE);
    assertThatThrownBy(() -> load(file, fits + "x", KernelConfig.Mode.BZIMAGE))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("has 256 bytes, expected at most 255");
    load(file, "x".repeat(KernelConfig.MAX_COMMAND_LINE), KernelConfig.Mode.ELF);
    assertThatThrownBy(
            () -> load(file, "x".repeat(KernelConfig.MAX_COMMAND_LINE + 1), KernelConfig.Mode.ELF))
        .hasMessageContaining("expected at most 2047");
    String two = "ü".repeat(128);
    assertThatThrownBy(() -> load(file, two, KernelConfig.Mode.BZIMAGE))
        .hasMessageContaining("has 256 bytes, expected at most 255");
    assertThatThrownBy(() -> load(file, "a\0b", KernelConfig.Mode.ELF))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("has a 0 at 1, which would end it");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"hostname=büro", "root=LABEL=daten\u00a0日本", "a\tb\nc", "x=\u007f\u0001", "😀"})
  void passesAnyBytesOfTheCommandLineOn(String commandLine) throws Exception {
    Path file = Files.write(directory.resolve("kernel"), KernelFiles.elf(content, true));
    load(file, "x".repeat(200), KernelConfig.Mode.ELF);
    load(file, commandLine, KernelConfig.Mode.ELF);
    byte[] expected = (commandLine + "\0").getBytes(StandardCharsets.UTF_8);
    assertThat(memory.view(AddressMap.COMMAND_LINE, expected.length).toArray(ValueLayout.JAVA_BYTE))
        .isEqualTo(expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"hostname=b\ufffd\ufffdro", "x=\ud83d"})
  void refusesACommandLineOfWhichBytesAreLost(String commandLine) throws Exception {
    Path file = Files.write(directory.resolve("kernel"), KernelFiles.elf(content, true));
    assertThatThrownBy(() -> load(file, commandLine, KernelConfig.Mode.ELF))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("set a locale of UTF-8");
  }

  @Test
  void loadsAnElfFileWhoseHeaderLiesBelowOneMebibyte() throws Exception {
    // As ld links with -Ttext=0x100000: the ELF header is part of the first segment.
    long at = 0xf_f000;
    byte[] entry = KernelFiles.bytes(KernelFiles.little(4).putInt(0x10_0000));
    byte[] note = KernelFiles.note("Xen", KernelFiles.PVH_NOTE, entry, 4);
    assertThat(load(KernelFiles.elf(content, at, note, 4), KernelConfig.Mode.AUTO, new byte[5000]))
        .isEqualTo(new BootEntry.Pvh(0x10_0000, AddressMap.PVH_START_INFO));
    assertThat(memory.view(at, content.length).toArray(ValueLayout.JAVA_BYTE)).isEqualTo(content);
  }

  /** A segment of 0x1800 bytes; what PVH does not need is not in its way. */
  @ParameterizedTest
  @CsvSource({
    "0xdf800, true, ACPI tables of 0x1000 bytes at 0xe0000",
    "0xe0f00, false, ACPI tables of 0x1000 bytes at 0xe0000",
    "0x1f000, true, command line of 0x800 bytes at 0x20000",
    "0x5000, true, hvm_start_info of 0x1000 bytes at 0x6000",
    "0x5000, false,",
    "0x7000, true,",
    "0x7800, false, boot_params of 0x1000 bytes at 0x7000",
    "0xe800, false, page tables of 0x6000 bytes at 0x9000",
    "0xe800, true,",
    "0x0, false, GDT of 0x20 bytes at 0x500",
    "0x0, true,",
    "0xe1000, true,",
    "0x30000, false,",
  })
  void refusesASegmentByWhatLiesThere(String address, boolean pvh, @Nullable String part)
      throws Exception {
    long at = Long.decode(address);
    byte[] entry = KernelFiles.bytes(KernelFiles.little(4).putInt((int) at));
    byte[] note = KernelFiles.note(pvh ? "Xen" : "Foo", KernelFiles.PVH_NOTE, entry, 4);
    byte[] small = Arrays.copyOf(content, 0x1000);
    byte[] elf = KernelFiles.elf(small, at, note, 4);
    if (part == null) {
      load(elf, KernelConfig.Mode.AUTO, new byte[10]);
      assertThat(memory.view(at, small.length).toArray(ValueLayout.JAVA_BYTE)).isEqualTo(small);
    } else {
      assertThatThrownBy(() -> load(elf, KernelConfig.Mode.AUTO, new byte[10]))
          .isInstanceOf(KernelFormatException.class)
          .hasMessageContaining(
              "a segment of 0x1800 bytes at " + address + " lies over the " + part);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 8})
  void findsThePvhNoteBehindOthers(int step) throws Exception {
    byte[] first = KernelFiles.note("GNU", 5, new byte[4], step);
    byte[] entry = KernelFiles.bytes(KernelFiles.little(8).putLong(KernelFiles.PVH_ENTRY));
    byte[] second = KernelFiles.note("Xen", KernelFiles.PVH_NOTE, entry, step);
    byte[] notes = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, notes, first.length, second.length);
    byte[] elf = KernelFiles.elf(content, KernelFiles.LOAD_ADDRESS, notes, step);
    assertThat(load(elf, KernelConfig.Mode.AUTO, new byte[10]))
        .isEqualTo(new BootEntry.Pvh(KernelFiles.PVH_ENTRY, AddressMap.PVH_START_INFO));
  }

  @Test
  void putsTheInitialRamDiskAsHighAsTheKernelTakesIt() throws Exception {
    byte[] image =
        KernelFiles.bzImage(
            KernelFiles.payload(KernelPayload.Compression.GZIP, KernelFiles.elf(content, true)));
    assertThat(initrdOf(image)).isEqualTo(KernelFiles.INITRD_LIMIT - 4096);
    image[0x236] = 3; // XLF_KERNEL_64, XLF_CAN_BE_LOADED_ABOVE_4G
    assertThat(initrdOf(image)).isEqualTo(RAM - 4096);
    memory.close();
    memory = new GuestMemory(new AnonymousRam(5L << 30, false));
    assertThat(initrdOf(image)).isEqualTo(0xc000_0000L - 4096);
  }

  private long initrdOf(byte[] image) throws Exception {
    load(image, KernelConfig.Mode.BZIMAGE, new byte[4096]);
    return Integer.toUnsignedLong(memory.readU32(AddressMap.BOOT_PARAMS + 0x218));
  }

  @Test
  void saysWhetherMoreMemoryHelpsAnInitialRamDisk() throws Exception {
    Path file = Files.write(directory.resolve("kernel"), KernelFiles.elf(content, true));
    KernelConfig config = sparseInitrd(file, 2200L << 20, KernelConfig.Mode.AUTO);
    assertThatThrownBy(() -> KernelLoader.load(memory, config, ACPI))
        .hasMessageContaining("give the guest more memory");
    KernelConfig tooLarge = sparseInitrd(file, 3072L << 20, KernelConfig.Mode.AUTO);
    memory.close();
    memory = new GuestMemory(new AnonymousRam(8L << 30, false));
    assertThatThrownBy(() -> KernelLoader.load(memory, tooLarge, ACPI))
        .hasMessageContaining("make it smaller: this kernel finds it up to 0xc0000000 only");
  }

  private KernelConfig sparseInitrd(Path kernel, long size, KernelConfig.Mode mode)
      throws IOException {
    Path disk = directory.resolve("disk");
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.setLength(size);
    }
    return new KernelConfig(kernel, Optional.of(disk), COMMAND_LINE, mode);
  }

  @Test
  void namesTheFileThatCannotBeUsed() throws Exception {
    Path missing = directory.resolve("missing");
    assertThatThrownBy(() -> load(missing, "", KernelConfig.Mode.AUTO))
        .hasMessage(missing + ": no such file");
    assertThatThrownBy(() -> load(directory, "", KernelConfig.Mode.AUTO))
        .hasMessage(directory + ": not a regular file");
    Path text = Files.writeString(directory.resolve("text"), "#!/bin/sh\n");
    assertThatThrownBy(() -> load(text, "", KernelConfig.Mode.AUTO))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("neither a bzImage");
    byte[] elf = KernelFiles.elf(content, true);
    assertThatThrownBy(() -> load(elf, KernelConfig.Mode.AUTO, new byte[50 << 20]))
        .hasMessageContaining("give the guest more memory");
  }

  @Test
  void saysHowMuchMemoryABzImageNeeds() throws Exception {
    byte[] image =
        KernelFiles.bzImage(
            KernelFiles.payload(KernelPayload.Compression.GZIP, KernelFiles.elf(content, true)));
    ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).putInt(0x260, 0x7000_0000);
    assertThatThrownBy(() -> load(image, KernelConfig.Mode.BZIMAGE, new byte[10]))
        .hasMessageContaining("needs 0x70000000 bytes at 0x1000000")
        .hasMessageContaining("give it more memory");
  }

  @Test
  void tellsTheGuestAboutMemoryAboveTheHole() throws Exception {
    memory.close();
    memory = new GuestMemory(new AnonymousRam(5L << 30, false));
    load(KernelFiles.elf(content, true), KernelConfig.Mode.AUTO, new byte[5000]);
    long info = AddressMap.PVH_START_INFO;
    assertMemoryMap(memory.readU64(info + 40), memory.readU32(info + 48), 24);
    long module = memory.readU64(info + 16);
    assertInitrd(memory.readU64(module), memory.readU64(module + 8), 5000);
  }

  private BootEntry load(byte[] kernel, KernelConfig.Mode mode, byte[] initrd) throws IOException {
    new Random(3).nextBytes(initrd);
    Path file = Files.write(directory.resolve("kernel"), kernel);
    Path disk = Files.write(directory.resolve("initrd"), initrd);
    return KernelLoader.load(
        memory, new KernelConfig(file, Optional.of(disk), COMMAND_LINE, mode), ACPI);
  }

  private void load(Path kernel, String commandLine, KernelConfig.Mode mode) throws IOException {
    KernelLoader.load(memory, new KernelConfig(kernel, Optional.empty(), commandLine, mode), ACPI);
  }

  private void assertContentLoaded() throws GuestAddressException {
    assertThat(memory.view(KernelFiles.LOAD_ADDRESS, content.length).toArray(ValueLayout.JAVA_BYTE))
        .isEqualTo(content);
    assertThat(
            memory
                .view(KernelFiles.LOAD_ADDRESS + content.length, KernelFiles.BSS)
                .toArray(ValueLayout.JAVA_BYTE))
        .containsOnly(0);
  }

  private void assertBootParams(long initrdSize) throws GuestAddressException {
    long page = AddressMap.BOOT_PARAMS;
    assertThat(memory.readU8(page + 0x1ef)).as("sentinel").isZero();
    assertThat(memory.readU16(page + 0x1fe)).isEqualTo(0xaa55);
    assertThat(memory.readU32(page + 0x202)).isEqualTo(0x53726448);
    assertThat(memory.readU16(page + 0x206)).isEqualTo(0x20f);
    assertThat(memory.readU8(page + 0x210)).as("type_of_loader").isEqualTo(0xff);
    assertInitrd(memory.readU32(page + 0x218), memory.readU32(page + 0x21c), initrdSize);
    assertCommandLine(memory.readU32(page + 0x228));
    assertThat(memory.readU64(page + 0x70)).as("acpi_rsdp_addr").isEqualTo(RSDP);
    assertMemoryMap(page + 0x2d0, memory.readU8(page + 0x1e8), 20);
  }

  private void assertInitrd(long address, long size, long expectedSize)
      throws GuestAddressException {
    byte[] expected = new byte[(int) expectedSize];
    new Random(3).nextBytes(expected);
    assertThat(size).isEqualTo(expectedSize);
    assertThat(address % 4096).isZero();
    assertThat(address + size).isLessThanOrEqualTo(0xc000_0000L);
    assertThat(memory.view(address, size).toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
  }

  private void assertCommandLine(long address) throws GuestAddressException {
    byte[] bytes = memory.view(address, COMMAND_LINE.length() + 1L).toArray(ValueLayout.JAVA_BYTE);
    assertThat(bytes).asString().isEqualTo(COMMAND_LINE + "\0");
  }

  private void assertMemoryMap(long table, int entries, int entrySize)
      throws GuestAddressException {
    List<GuestMemoryMap.Range> ranges = new ArrayList<>();
    for (int i = 0; i < entries; i++) {
      long entry = table + (long) i * entrySize;
      ranges.add(
          new GuestMemoryMap.Range(
              memory.readU64(entry), memory.readU64(entry + 8), memory.readU32(entry + 16)));
    }
    List<GuestMemoryMap.Range> expected =
        new ArrayList<>(
            List.of(
                new GuestMemoryMap.Range(0, 0x9fc00, 1),
                new GuestMemoryMap.Range(0x9fc00, 0x60400, 2),
                new GuestMemoryMap.Range(
                    0x100000, Math.min(memory.size(), 0xc000_0000L) - 0x100000, 1)));
    if (memory.size() > 0xc000_0000L) {
      expected.add(new GuestMemoryMap.Range(0x1_0000_0000L, memory.size() - 0xc000_0000L, 1));
    }
    assertThat(ranges).isEqualTo(expected);
  }

  /** Walks the tables like the processor does: the first 4 GiB map to themselves. */
  private void assertLongModeTables() throws GuestAddressException {
    for (long address = 0; address < 4L << 30; address += 0x1f_f000) {
      long level4 = memory.readU64(AddressMap.PAGE_TABLES + (address >>> 39) * 8);
      assertThat(level4 & 0xfff).isEqualTo(3);
      long level3 = memory.readU64((level4 & ~0xfffL) + (address >>> 30 & 511) * 8);
      assertThat(level3 & 0xfff).isEqualTo(3);
      long level2 = memory.readU64((level3 & ~0xfffL) + (address >>> 21 & 511) * 8);
      assertThat(level2 & 0xfff).as("present, writable, large").isEqualTo(0x83);
      assertThat(level2 & ~0xfffL).isEqualTo(address & -(2L << 20));
    }
    assertThat(memory.readU64(AddressMap.GDT)).isZero();
    assertThat(memory.readU64(AddressMap.GDT + 0x10)).isEqualTo(0x00af9b000000ffffL);
    assertThat(memory.readU64(AddressMap.GDT + 0x18)).isEqualTo(0x00cf93000000ffffL);
  }
}
