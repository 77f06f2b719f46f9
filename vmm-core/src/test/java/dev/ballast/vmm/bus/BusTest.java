package dev.ballast.vmm.bus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BusTest {
  private final List<String> accesses = new ArrayList<>();
  private final Bus bus = new Bus("test");

  /** Remembers what it was asked; reads as ones. */
  private BusDevice device(String name) {
    return new BusDevice() {
      @Override
      public long read(long offset, int size) {
        accesses.add(name + " read " + offset + "/" + size);
        return -1;
      }

      @Override
      public void write(long offset, int size, long value) {
        accesses.add(name + " write " + offset + "/" + size + "=" + Long.toHexString(value));
      }
    };
  }

  @Test
  void findsTheDeviceAndTheOffset() {
    bus.add(0x300, 0x10, device("c"));
    bus.add(0x100, 0x10, device("a"));
    bus.add(0x110, 0x10, device("b"));
    for (long address : new long[] {0x100, 0x10f, 0x110, 0x11f, 0x300}) {
      bus.read(address, 1);
    }
    assertThat(accesses)
        .containsExactly("a read 0/1", "a read 15/1", "b read 0/1", "b read 15/1", "c read 0/1");
  }

  @Test
  void nobodyAnswersBesideTheDevices() {
    bus.add(0x100, 0x10, device("a"));
    for (long address : new long[] {0, 0xff, 0x110, 0x1000, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
      assertThat(bus.read(address, 1)).isEqualTo(0xff);
      bus.write(address, 1, 0);
    }
    assertThat(bus.read(0x10d, 4)).as("overruns the end").isEqualTo(0xffff_ffffL);
    assertThat(bus.read(0xff, 2)).as("starts before").isEqualTo(0xffff);
    assertThat(bus.read(Long.MAX_VALUE, 8)).isEqualTo(-1);
    assertThat(accesses).isEmpty();
  }

  @Test
  void valuesAreCutToTheSize() {
    bus.add(0, 8, device("a"));
    assertThat(bus.read(0, 1)).isEqualTo(0xff);
    assertThat(bus.read(0, 4)).isEqualTo(0xffff_ffffL);
    assertThat(bus.read(0, 8)).isEqualTo(-1);
    bus.write(0, 2, -1);
    bus.write(0, 8, -1);
    assertThat(accesses).endsWith("a write 0/2=ffff", "a write 0/8=ffffffffffffffff");
  }

  @Test
  void rangesDoNotOverlap() {
    bus.add(0x100, 0x10, device("a"));
    for (long base : new long[] {0xf1, 0x100, 0x108, 0x10f}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> bus.add(base, 0x10, device("b")))
          .withMessageContaining(Long.toHexString(base));
    }
    assertThatIllegalArgumentException().isThrownBy(() -> bus.add(0x80, 0x1000, device("b")));
    assertThatIllegalArgumentException().isThrownBy(() -> bus.add(0x200, 0, device("b")));
    bus.add(0xf0, 0x10, device("before"));
    bus.add(0x110, 0x10, device("behind"));
  }
}
