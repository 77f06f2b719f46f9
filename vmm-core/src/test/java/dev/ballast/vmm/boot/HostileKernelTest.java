package dev.ballast.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.acpi.AcpiImage;
import dev.ballast.vmm.memory.AnonymousRam;
import dev.ballast.vmm.memory.GuestMemory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damaged kernel files load, or give the one checked exception with a message; they do nothing
 * else.
 */
final class HostileKernelTest {
  private static final int ROUNDS = 1000;
  private static final int CONTENT = 3000;

  @TempDir Path directory = Path.of("");
  private final GuestMemory memory = new GuestMemory(new AnonymousRam(32L << 20, false));
  private final long seed = System.nanoTime();
  private final Random random = new Random(seed);

  HostileKernelTest() throws IOException {}

  @AfterEach
  void unmap() {
    memory.close();
  }

  @Test
  void refusesATruncatedElfFile() throws IOException {
    byte[] elf = KernelFiles.elf(new byte[CONTENT], true);
    for (int length = 0; length < elf.length; length += length < 300 ? 1 : 37) {
      assertRefused(Arrays.copyOf(elf, length), KernelConfig.Mode.AUTO, "cut at " + length);
    }
  }

  @Test
  void refusesATruncatedBzImage() throws IOException {
    byte[] image = bzImage();
    for (int length = 0; length < image.length - 15; length += 53) {
      byte[] cut = Arrays.copyOf(image, length);
      assertRefused(cut, KernelConfig.Mode.AUTO, "cut at " + length);
      assertRefused(cut, KernelConfig.Mode.BZIMAGE, "cut at " + length);
    }
  }

  @Test
  void survivesFlippedBitsInAnElfHeader() throws IOException {
    byte[] elf = KernelFiles.elf(new byte[CONTENT], true);
    int headers = KernelFiles.PROGRAM_HEADERS + 2 * KernelFiles.PROGRAM_HEADER_SIZE;
    for (int i = 0; i < ROUNDS; i++) {
      loadDamaged(damaged(elf, 0, headers), KernelConfig.Mode.AUTO, i);
    }
  }

  @Test
  void survivesFlippedBitsInAnElfNote() throws IOException {
    byte[] elf = KernelFiles.elf(new byte[CONTENT], true);
    for (int i = 0; i < ROUNDS; i++) {
      loadDamaged(damaged(elf, elf.length - 20, elf.length), KernelConfig.Mode.AUTO, i);
    }
  }

  @Test
  void survivesFlippedBitsInNotesOfEitherAlignment() throws IOException {
    for (int i = 0; i < ROUNDS; i++) {
      int step = i % 2 == 0 ? 4 : 8;
      byte[] notes = KernelFiles.note("Xen", KernelFiles.PVH_NOTE, new byte[step], step);
      byte[] first = KernelFiles.note("GNU", 3, new byte[20], step);
      byte[] both = Arrays.copyOf(first, first.length + notes.length);
      System.arraycopy(notes, 0, both, first.length, notes.length);
      byte[] elf = KernelFiles.elf(new byte[CONTENT], KernelFiles.LOAD_ADDRESS, both, step);
      loadDamaged(damaged(elf, elf.length - both.length, elf.length), KernelConfig.Mode.AUTO, i);
    }
  }

  @Test
  void refusesNotesBehindWhichThePvhNoteCannotBeSeen() throws IOException {
    byte[] note = KernelFiles.note("Xen", KernelFiles.PVH_NOTE, new byte[4], 4);
    note[0] = 100;
    byte[] elf = KernelFiles.elf(new byte[CONTENT], KernelFiles.LOAD_ADDRESS, note, 4);
    assertThatThrownBy(() -> load(elf, KernelConfig.Mode.AUTO))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("the note at 0x0 of its segment ends at 0x74, past the segment's");
    for (int size : new int[] {0, 2, 12}) {
      byte[] odd = KernelFiles.note("Xen", KernelFiles.PVH_NOTE, new byte[size], 4);
      byte[] file = KernelFiles.elf(new byte[CONTENT], KernelFiles.LOAD_ADDRESS, odd, 4);
      assertThatThrownBy(() -> load(file, KernelConfig.Mode.AUTO))
          .isInstanceOf(KernelFormatException.class)
          .hasMessageContaining("the PVH note has " + size + " bytes, expected 4 or 8");
    }
    byte[] high =
        KernelFiles.note("Xen", KernelFiles.PVH_NOTE, new byte[] {0, 0, 0, 1, 1, 0, 0, 0}, 4);
    byte[] file = KernelFiles.elf(new byte[CONTENT], KernelFiles.LOAD_ADDRESS, high, 4);
    assertThatThrownBy(() -> load(file, KernelConfig.Mode.AUTO))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("the PVH entry is 0x101000000, expected less than 4 GiB");
  }

  @Test
  void survivesFlippedBitsInASetupHeader() throws IOException {
    byte[] image = bzImage();
    for (int i = 0; i < ROUNDS; i++) {
      byte[] bad = damaged(image, 0x1f1, 0x268);
      loadDamaged(bad, i % 2 == 0 ? KernelConfig.Mode.AUTO : KernelConfig.Mode.BZIMAGE, i);
    }
  }

  @Test
  void refusesSegmentsThatTogetherAreMoreThanRam() throws IOException {
    int count = 40_000;
    ByteBuffer elf =
        ByteBuffer.allocate(64 + count * KernelFiles.PROGRAM_HEADER_SIZE)
            .order(ByteOrder.LITTLE_ENDIAN);
    elf.put(0, KernelFiles.elf(new byte[0], true), 0, 64).putShort(56, (short) count);
    for (int i = 0; i < count; i++) {
      int header = 64 + i * KernelFiles.PROGRAM_HEADER_SIZE;
      elf.putInt(header, 1).putLong(header + 24, 0x10_0000).putLong(header + 40, 16 << 20);
    }
    assertThatThrownBy(() -> load(elf.array(), KernelConfig.Mode.AUTO))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("are more than guest RAM");
  }

  @Test
  void namesFieldValueAndWhatIsExpected() throws IOException {
    byte[] elf = KernelFiles.elf(new byte[CONTENT], true);
    assertRefusal(elf, 18, 183, "e_machine is 183, expected 62");
    assertRefusal(elf, 4, 1, "EI_CLASS is 1, expected 2");
    byte[] image = bzImage();
    assertRefusal(image, 0x1fe, 0, "boot_flag is 0xaa00, expected 0xaa55");
    assertRefusal(image, 0x206, 4, "boot protocol version is 0x204, expected 0x20c");
    assertRefusal(image, 0x211, 0, "loadflags is 0x0, expected LOADED_HIGH");
    assertRefusal(image, 0x1f6, 0x70, "syssize is 0x70");
    assertRefusal(image, 0x24e, 0x70, "end of the payload is 0x70");
  }

  private void assertRefusal(byte[] file, int at, int value, String message) {
    byte[] bad = file.clone();
    bad[at] = (byte) value;
    assertThatThrownBy(() -> load(bad, KernelConfig.Mode.AUTO))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageStartingWith(directory.toString())
        .hasMessageContaining(message);
  }

  private byte[] bzImage() throws IOException {
    byte[] content = new byte[CONTENT];
    new Random(5).nextBytes(content);
    return KernelFiles.bzImage(
        KernelFiles.payload(KernelPayload.Compression.LZ4, KernelFiles.elf(content, true)));
  }

  private byte[] damaged(byte[] file, int from, int to) {
    byte[] bad = file.clone();
    for (int i = random.nextInt(3); i >= 0; i--) {
      int at = from + random.nextInt(to - from);
      bad[at] =
          random.nextInt(4) == 0
              ? (byte) random.nextInt(256)
              : (byte) (bad[at] ^ 1 << random.nextInt(8));
    }
    return bad;
  }

  private void assertRefused(byte[] file, KernelConfig.Mode mode, String what) {
    assertThatThrownBy(() -> load(file, mode))
        .as(what)
        .isInstanceOf(KernelFormatException.class)
        .hasMessageStartingWith(directory.toString());
  }

  private void loadDamaged(byte[] file, KernelConfig.Mode mode, int round) throws IOException {
    try {
      assertThat(load(file, mode)).as("seed %d, round %d", seed, round).isNotNull();
    } catch (KernelFormatException e) {
      assertThat(e.getMessage()).as("seed %d, round %d", seed, round).isNotBlank();
    } catch (RuntimeException e) {
      throw new AssertionError("seed " + seed + ", round " + round + ", mode " + mode, e);
    }
  }

  private BootEntry load(byte[] file, KernelConfig.Mode mode) throws IOException {
    Path kernel = Files.write(directory.resolve("kernel"), file);
    AcpiImage acpi = new AcpiImage(new byte[0x1000], 0xe_0000, 0xe_0000);
    return KernelLoader.load(memory, new KernelConfig(kernel, Optional.empty(), "", mode), acpi);
  }
}
