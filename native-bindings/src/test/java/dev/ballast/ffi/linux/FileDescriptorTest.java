package dev.ballast.ffi.linux;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FileDescriptorTest {
  @TempDir private Path directory = Path.of("replaced by JUnit");

  @Test
  void writesAndReadsAPrivateFile() throws Exception {
    Path path = directory.resolve("file");
    int create = FileDescriptor.O_WRONLY | FileDescriptor.O_CREAT | FileDescriptor.O_EXCL;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = MemorySegment.ofArray("ballast".getBytes(UTF_8));
      MemorySegment buffer = arena.allocate(text.byteSize()).copyFrom(text);
      try (FileDescriptor file = FileDescriptor.open(path, create)) {
        assertThat(file.write(buffer)).isEqualTo(text.byteSize());
      }
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path)))
          .isEqualTo("rw-------");
      buffer.fill((byte) 0);
      try (FileDescriptor file = FileDescriptor.open(path, FileDescriptor.O_RDONLY)) {
        assertThat(file.read(buffer)).isEqualTo(text.byteSize());
        assertThat(new String(buffer.toArray(ValueLayout.JAVA_BYTE), UTF_8)).isEqualTo("ballast");
        assertThat(file.read(buffer)).isZero();
      }
    }
  }

  @Test
  void failureNamesCallErrnoAndPath() {
    Path missing = directory.resolve("missing");
    assertThatThrownBy(() -> FileDescriptor.open(missing, FileDescriptor.O_RDONLY))
        .isInstanceOf(ErrnoException.class)
        .hasMessage("open: ENOENT (2) No such file or directory: " + missing)
        .extracting(e -> ((ErrnoException) e).errno())
        .isEqualTo(Errno.ENOENT);
  }

  @Test
  void closingTwiceLeavesTheNextOwnerOfTheNumberAlone() throws Exception {
    FileDescriptor first = FileDescriptor.open(Path.of("/dev/null"), FileDescriptor.O_WRONLY);
    first.close();
    try (Arena arena = Arena.ofConfined();
        FileDescriptor second =
            FileDescriptor.open(Path.of("/dev/null"), FileDescriptor.O_WRONLY)) {
      first.close();
      assertThat(second.write(arena.allocate(3))).isEqualTo(3);
    }
  }

  @Test
  void numbersWithoutANameAreSaidToBeUnknown() {
    assertThat(new ErrnoException("ioctl(KVM_RUN)", 4095, ""))
        .hasMessage("ioctl(KVM_RUN): errno 4095 (4095) unknown error");
  }
}
