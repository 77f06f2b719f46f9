package dev.ballast.guest.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.ar.ArArchiveEntry;
import org.apache.commons.compress.archivers.ar.ArArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

final class DebPackageTest {
  @TempDir Path directory = Path.of("");
  private Path into = Path.of("");

  @BeforeEach
  void makeRoot() throws IOException {
    into = Files.createDirectory(directory.resolve("into"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".gz", ".xz"})
  void unpacksTheFilesThatAreWanted(String suffix) throws IOException {
    Path deb = deb(suffix, "./boot/vmlinuz-1", "./lib/modules/1/a.ko", "./usr/share/doc/x");
    int count = new DebPackage(deb).unpack(name -> !name.startsWith("usr/"), into);
    assertThat(count).isEqualTo(2);
    assertThat(into.resolve("boot/vmlinuz-1")).hasContent("content of ./boot/vmlinuz-1");
    assertThat(into.resolve("lib/modules/1/a.ko")).hasContent("content of ./lib/modules/1/a.ko");
    assertThat(into.resolve("usr")).doesNotExist();
  }

  @Test
  void refusesAMemberThatLeadsOutside() throws IOException {
    Path deb = deb(".xz", "./boot/../../outside");
    assertThatThrownBy(() -> new DebPackage(deb).unpack(name -> true, into))
        .isInstanceOf(GuestImageException.class)
        .hasMessageContaining("outside of its root");
    assertThat(directory.resolve("outside")).doesNotExist();
  }

  @Test
  void saysThatATruncatedPackageIsDamaged() throws IOException {
    byte[] whole = Files.readAllBytes(deb(".xz", "./boot/vmlinuz-1"));
    Path cut = directory.resolve("cut.deb");
    for (int length = 0; length < whole.length - 1; length += 7) {
      Files.write(cut, Arrays.copyOf(whole, length));
      Path root = Files.createDirectory(directory.resolve("root" + length));
      assertThatThrownBy(() -> new DebPackage(cut).unpack(name -> true, root))
          .as("cut at %d of %d", length, whole.length)
          .isInstanceOf(GuestImageException.class)
          .hasMessageContaining("delete it and try again");
    }
  }

  private Path deb(String suffix, String... names) throws IOException {
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    try (OutputStream compressed =
            switch (suffix) {
              case ".gz" -> new GZIPOutputStream(data);
              case ".xz" -> new XZOutputStream(data, new LZMA2Options(0));
              default -> data;
            };
        TarArchiveOutputStream tar = new TarArchiveOutputStream(compressed)) {
      for (String name : names) {
        byte[] content = ("content of " + name).getBytes(StandardCharsets.UTF_8);
        TarArchiveEntry entry = new TarArchiveEntry(name, true);
        entry.setSize(content.length);
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
      }
    }
    Path deb = directory.resolve("package.deb");
    try (ArArchiveOutputStream ar = new ArArchiveOutputStream(Files.newOutputStream(deb))) {
      member(ar, "debian-binary", "2.0\n".getBytes(StandardCharsets.UTF_8));
      member(ar, "data.tar" + suffix, data.toByteArray());
    }
    return deb;
  }

  private static void member(ArArchiveOutputStream ar, String name, byte[] content)
      throws IOException {
    ar.putArchiveEntry(new ArArchiveEntry(name, content.length));
    ar.write(content);
    ar.closeArchiveEntry();
  }
}
