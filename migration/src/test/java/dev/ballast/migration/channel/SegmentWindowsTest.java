package dev.ballast.migration.channel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentWindowsTest {
  @Test
  void reachesEveryByteOfALargeSegment(@TempDir Path directory) throws Exception {
    long size = 5L << 30;
    try (Arena arena = Arena.ofShared();
        FileChannel sparse =
            FileChannel.open(
                directory.resolve("sparse"),
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE,
                StandardOpenOption.SPARSE)) {
      MemorySegment segment = sparse.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
      SegmentWindows windows = new SegmentWindows(segment);
      long[] offsets = {
        0, (1L << 30) - 1, 1L << 30, (2L << 30) + 4096, (4L << 30) - 4096, size - 1
      };
      for (int i = 0; i < offsets.length; i++) {
        windows.piece(offsets[i], 1).put((byte) (i + 1));
        assertThat(segment.get(JAVA_BYTE, offsets[i])).isEqualTo((byte) (i + 1));
      }
      ByteBuffer across = windows.piece((1L << 30) - 1, SegmentWindows.MAX_PIECE);
      assertThat(across.remaining()).isEqualTo(SegmentWindows.MAX_PIECE);
      assertThat(across.get()).isEqualTo((byte) 2);
      assertThat(across.get()).isEqualTo((byte) 3);
    }
  }
}
