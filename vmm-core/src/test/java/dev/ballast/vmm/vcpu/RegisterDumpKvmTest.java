package dev.ballast.vmm.vcpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.vmm.memory.GuestMemory;
import dev.ballast.vmm.memory.PageBitmap;
import dev.ballast.vmm.memory.RamBacking;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@Tag("kvm")
class RegisterDumpKvmTest {
  @TempDir Path directory;

  /** Guest RAM in a file of which nothing is left, so that every access is a SIGBUS. */
  private static final class LostRam implements RamBacking {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment segment;

    LostRam(Path path) throws IOException {
      try (FileChannel file =
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        segment = file.map(MapMode.READ_WRITE, 0, GuestMemory.SIZE_ALIGNMENT, arena);
        file.truncate(0);
      }
    }

    @Override
    public MemorySegment segment() {
      return segment;
    }

    @Override
    public void discard(long offset, long length) {
      throw new UnsupportedOperationException();
    }

    @Override
    public void addPopulated(long firstPage, long pages, PageBitmap into) {
      into.set(firstPage, pages);
    }

    @Override
    public void close() {
      arena.close();
    }
  }

  @Test
  void registersAreThereAlsoWhenTheHostHasNoMemoryForTheCode() throws Exception {
    EndlessGuest.assumeKvm();
    try (EndlessGuest guest = new EndlessGuest(EndlessGuest.PORT_IO);
        GuestMemory lost = new GuestMemory(new LostRam(directory.resolve("ram")))) {
      assertThat(RegisterDump.of(guest.vcpu(), guest.memory()).text()).contains("code ba 10 05");
      assertThat(RegisterDump.of(guest.vcpu(), lost).text())
          .contains("rip 0000000000001000")
          .contains("code not readable");
    }
  }
}
