package dev.ballast.guest.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Guests out of files that are there; {@link LinuxGuestBootTest} gets them from packages. */
final class LinuxGuestTest {
  private static final int PT_LOAD = 1;
  private static final int PT_INTERP = 3;

  @TempDir Path directory = Path.of("");

  @Test
  void takesAKernelAndABusyboxOfOnesOwn() throws IOException {
    Path kernel = kernel("6.9.1-own (me@here) #1");
    LinuxGuest guest = prepare(LinuxGuestOptions.defaults().withKernel(kernel, Optional.empty()));
    assertThat(guest.kernel()).isEqualTo(kernel);
    assertThat(guest.release()).isEqualTo("6.9.1-own");
    assertThat(guest.modules()).isEmpty();
    assertThat(guest.initramfs()).isRegularFile();
  }

  @Test
  void makesTheSameInitramfsOnceAndCompressesItOnRequest() throws IOException {
    LinuxGuestOptions options =
        LinuxGuestOptions.defaults().withKernel(kernel("1"), Optional.empty());
    LinuxGuest plain = prepare(options);
    assertThat(prepare(options).initramfs()).isEqualTo(plain.initramfs());
    LinuxGuest packed = prepare(options.withGzip(true));
    assertThat(packed.initramfs()).isNotEqualTo(plain.initramfs());
    try (InputStream in = new GZIPInputStream(Files.newInputStream(packed.initramfs()))) {
      assertThat(in.readAllBytes()).isEqualTo(Files.readAllBytes(plain.initramfs()));
    }
  }

  @Test
  void putsTheKernelAndThePlainInitramfsIntoOneForKexec() throws IOException {
    LinuxGuestOptions options =
        LinuxGuestOptions.defaults().withKernel(kernel("1"), Optional.empty());
    String plain = latin(prepare(options).initramfs());
    String whole = latin(prepare(options.withKexec(true)).initramfs());
    // Names of files end with a zero; init names some of them, too.
    assertThat(plain).doesNotContain("bin/kexec\0", "boot/kernel\0");
    assertThat(whole)
        .contains("bin/kexec\0", "boot/kernel\0", "boot/initramfs\0")
        .contains(latin(directory.resolve("kernel")))
        .contains(plain);
  }

  private static String latin(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.ISO_8859_1);
  }

  @Test
  void saysWhatIsWrongWithWhatTheUserGave() throws IOException {
    Path missing = directory.resolve("missing");
    LinuxGuestOptions options = LinuxGuestOptions.defaults();
    assertThatThrownBy(() -> prepare(options.withKernel(missing, Optional.empty())))
        .isInstanceOf(GuestImageException.class)
        .hasMessage("there is no kernel " + missing);
    LinuxGuestOptions own = options.withKernel(kernel("1"), Optional.of(missing));
    assertThatThrownBy(() -> prepare(own)).hasMessageContaining("is not a directory");
    assertThatThrownBy(() -> prepare(own.withBusybox(missing), missing))
        .isInstanceOf(GuestImageException.class)
        .hasMessageContaining("missing");
    LinuxGuestOptions noModules = options.withKernel(kernel("1"), Optional.empty());
    assertThatThrownBy(
            () -> prepare(noModules.withBusybox(executable(PT_INTERP)), directory.resolve("c")))
        .hasMessageContaining("linked dynamically: give the one of the package busybox-static");
    Path text = Files.writeString(directory.resolve("text"), "#!/bin/sh\n");
    assertThatThrownBy(() -> prepare(noModules.withBusybox(text), directory.resolve("c")))
        .hasMessage(text + " is not an x86-64 executable");
    assertThatThrownBy(() -> prepare(noModules, text.resolve("cache")))
        .isInstanceOf(GuestImageException.class)
        .hasMessageContaining("cannot make a Linux guest in");
  }

  private LinuxGuest prepare(LinuxGuestOptions options) throws IOException {
    return prepare(options.withBusybox(executable(PT_LOAD)), directory.resolve("cache"));
  }

  private static LinuxGuest prepare(LinuxGuestOptions options, Path cache)
      throws GuestImageException {
    return LinuxGuest.prepare(cache, options, line -> {});
  }

  /** An ELF64 file for x86-64 with one program header of this type. */
  private Path executable(int type) throws IOException {
    ByteBuffer elf = ByteBuffer.allocate(64 + 56).order(ByteOrder.LITTLE_ENDIAN);
    elf.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1).putShort(0x12, (short) 62);
    elf.putLong(0x20, 64).putShort(0x36, (short) 56).putShort(0x38, (short) 1).putInt(64, type);
    return Files.write(directory.resolve("busybox" + type), elf.array());
  }

  /** As much of a bzImage as holds its version. */
  private Path kernel(String version) throws IOException {
    ByteBuffer image = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    image.putInt(0x202, 0x53726448).putShort(0x20e, (short) 0x400);
    image.put(0x600, version.getBytes(StandardCharsets.US_ASCII));
    return Files.write(directory.resolve("kernel"), image.array());
  }
}
