package dev.ballast.ffi.linux;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

class PseudoterminalTest {
  @Test
  void bytesPassUnchangedBothWays() throws Exception {
    byte[] bytes = "a\r\nb\n\u0003\u0004".getBytes(UTF_8);
    try (Pseudoterminal terminal = Pseudoterminal.open();
        InputStream in = Files.newInputStream(terminal.slave());
        OutputStream out = Files.newOutputStream(terminal.slave());
        Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocateFrom(ValueLayout.JAVA_BYTE, bytes);
      assertThat(terminal.controller().write(buffer)).isEqualTo(bytes.length);
      assertThat(in.readNBytes(bytes.length)).isEqualTo(bytes);

      buffer.fill((byte) 0);
      out.write(bytes);
      assertThat(terminal.controller().read(buffer)).isEqualTo(bytes.length);
      assertThat(buffer.toArray(ValueLayout.JAVA_BYTE)).isEqualTo(bytes);
    }
  }
}
