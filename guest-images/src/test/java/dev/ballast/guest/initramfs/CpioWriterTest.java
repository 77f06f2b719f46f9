package dev.ballast.guest.initramfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CpioWriterTest {
  private static final int MODIFIED = 1_700_000_000;

  @TempDir Path directory = Path.of("");

  /** What an independent reading of the format finds. */
  private record Entry(String name, List<Integer> fields, ByteBuffer data) {
    int mode() {
      return fields.get(1);
    }
  }

  @Test
  void writesWhatAnIndependentParserReads() throws IOException {
    Path file = Files.write(directory.resolve("f"), new byte[] {1, 2, 3, 4, 5});
    byte[] archive =
        archive(
            cpio -> {
              cpio.directory("dev", 0755);
              cpio.characterDevice("dev/console", 0600, 5, 1);
              cpio.blockDevice("dev/vda", 0660, 254, 16);
              cpio.file("five", 0644, file);
              cpio.file("setuid", 04755, "x".getBytes(StandardCharsets.UTF_8));
              cpio.file("empty", 0600, new byte[0]);
              cpio.symlink("link", "dev/console");
            });

    List<Entry> entries = parse(archive);
    assertThat(entries)
        .extracting(Entry::name)
        .containsExactly(
            "dev", "dev/console", "dev/vda", "five", "setuid", "empty", "link", "TRAILER!!!");
    assertThat(entries)
        .extracting(Entry::mode)
        .containsExactly(0040755, 0020600, 0060660, 0100644, 0104755, 0100600, 0120777, 0);
    assertThat(entries.get(1).fields().get(9)).isEqualTo(5);
    assertThat(entries.get(1).fields().get(10)).isEqualTo(1);
    assertThat(entries.get(2).fields().get(9)).isEqualTo(254);
    assertThat(entries.get(2).fields().get(10)).isEqualTo(16);
    assertThat(entries.get(3).data()).isEqualTo(ByteBuffer.wrap(new byte[] {1, 2, 3, 4, 5}));
    assertThat(entries.get(6).data()).isEqualTo(StandardCharsets.UTF_8.encode("dev/console"));
    assertThat(entries.subList(0, 7)).allMatch(entry -> entry.fields().get(5) == MODIFIED);
    assertThat(entries.subList(0, 7))
        .extracting(entry -> entry.fields().get(0))
        .doesNotHaveDuplicates();
  }

  @Test
  void padsEveryLengthOfNameAndData() throws IOException {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    List<byte[]> contents = new ArrayList<>();
    byte[] archive =
        archive(
            cpio -> {
              for (int i = 0; i < 40; i++) {
                byte[] content = new byte[random.nextInt(20)];
                random.nextBytes(content);
                contents.add(content);
                cpio.file("n" + "a".repeat(i), 0644, content);
              }
            });
    List<Entry> entries = parse(archive);
    for (int i = 0; i < contents.size(); i++) {
      assertThat(entries.get(i).name()).as("seed %d", seed).hasSize(i + 1);
      assertThat(entries.get(i).data())
          .as("seed %d", seed)
          .isEqualTo(ByteBuffer.wrap(contents.get(i)));
    }
  }

  @Test
  void isListedByCpio() throws IOException, InterruptedException {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/cpio")), "skipped: cpio is not installed");
    Path archive = directory.resolve("archive");
    try (CpioWriter cpio = new CpioWriter(Files.newOutputStream(archive), MODIFIED)) {
      cpio.directory("bin", 0755);
      cpio.file("bin/true", 0755, new byte[1234]);
      cpio.symlink("bin/sh", "true");
      cpio.characterDevice("console", 0600, 5, 1);
    }
    Process process =
        new ProcessBuilder("/usr/bin/cpio", "-tv", "--quiet", "--numeric-uid-gid")
            .redirectInput(archive.toFile())
            .redirectErrorStream(true)
            .start();
    String listing = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(listing).isZero();
    assertThat(listing.lines())
        .satisfiesExactly(
            line -> assertThat(line).matches("drwxr-xr-x +2 0 +0 .* bin"),
            line -> assertThat(line).matches("-rwxr-xr-x +1 0 +0 +1234 .* bin/true"),
            line -> assertThat(line).matches("lrwxrwxrwx .* bin/sh -> true"),
            line -> assertThat(line).matches("crw------- .* 5, +1 .* console"));
  }

  @Test
  void givesEqualBytesForEqualInput() throws IOException {
    Content content =
        cpio -> {
          cpio.directory("a", 0700);
          cpio.file("a/b", 0600, new byte[3]);
        };
    assertThat(archive(content)).isEqualTo(archive(content));
  }

  @Test
  void refusesWhatTheKernelCouldNotUnpack() throws IOException {
    CpioWriter cpio = new CpioWriter(OutputStream.nullOutputStream(), 0);
    for (String bad :
        List.of(
            "",
            "/a",
            "a/",
            "a//b",
            "..",
            "a/../b",
            "./a",
            "TRAILER!!!",
            "a\0b",
            "x".repeat(4096))) {
      assertThatThrownBy(() -> cpio.directory(bad, 0755))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> cpio.file("no/parent", 0644, new byte[0]))
        .hasMessageContaining("directory 'no' has to be there");
    cpio.file("once", 0644, new byte[0]);
    assertThatThrownBy(() -> cpio.symlink("once", "x")).hasMessageContaining("twice");
    assertThatThrownBy(() -> cpio.symlink("empty", ""))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> cpio.file("mode", 0200000, new byte[0]))
        .isInstanceOf(IllegalArgumentException.class);
    cpio.close();
    assertThatThrownBy(() -> cpio.directory("late", 0755))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> new CpioWriter(OutputStream.nullOutputStream(), 1L << 32))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void refusesAFileOf4GiB() throws IOException {
    Path huge = directory.resolve("huge");
    try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
      file.setLength(1L << 32);
    }
    try (CpioWriter cpio = new CpioWriter(OutputStream.nullOutputStream(), 0)) {
      assertThatThrownBy(() -> cpio.file("huge", 0644, huge))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("4 GiB");
    }
  }

  private interface Content {
    void addTo(CpioWriter cpio) throws IOException;
  }

  private static byte[] archive(Content content) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (CpioWriter cpio = new CpioWriter(bytes, MODIFIED)) {
      content.addTo(cpio);
    }
    return bytes.toByteArray();
  }

  private static List<Entry> parse(byte[] archive) {
    List<Entry> entries = new ArrayList<>();
    int at = 0;
    while (entries.isEmpty() || !entries.getLast().name().equals("TRAILER!!!")) {
      String header = new String(archive, at, 110, StandardCharsets.US_ASCII);
      assertThat(header).startsWith("070701");
      List<Integer> fields = new ArrayList<>();
      for (int i = 0; i < 13; i++) {
        fields.add(Integer.parseUnsignedInt(header.substring(6 + i * 8, 14 + i * 8), 16));
      }
      int nameSize = fields.get(11);
      int size = fields.get(6);
      assertThat(archive[at + 110 + nameSize - 1]).isZero();
      String name = new String(archive, at + 110, nameSize - 1, StandardCharsets.UTF_8);
      at = (at + 110 + nameSize + 3) / 4 * 4;
      ByteBuffer data = ByteBuffer.wrap(Arrays.copyOfRange(archive, at, at + size));
      at = (at + size + 3) / 4 * 4;
      entries.add(new Entry(name, fields, data));
    }
    assertThat(at).isEqualTo(archive.length);
    return entries;
  }
}
