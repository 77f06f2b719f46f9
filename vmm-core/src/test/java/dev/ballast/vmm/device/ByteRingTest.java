package dev.ballast.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.ArrayDeque;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ByteRingTest {
  @Test
  void isAQueue() {
    long seed = 42;
    Random random = new Random(seed);
    ByteRing ring = new ByteRing(7);
    ArrayDeque<Byte> model = new ArrayDeque<>();
    for (int step = 0; step < 10_000; step++) {
      if (random.nextBoolean() && !ring.isFull()) {
        byte value = (byte) random.nextInt();
        ring.add(value);
        model.add(value);
      } else if (!ring.isEmpty()) {
        assertThat(ring.peek()).isEqualTo(model.peek());
        assertThat(ring.remove()).isEqualTo(model.remove());
      }
      byte[] expected = new byte[model.size()];
      int i = 0;
      for (byte value : model) {
        expected[i++] = value;
      }
      assertThat(ring.toByteArray()).as("seed %d, step %d", seed, step).isEqualTo(expected);
      assertThat(ring.isFull()).isEqualTo(model.size() == 7);
    }
  }

  @Test
  void removesInPieces() {
    ByteRing ring = new ByteRing(4);
    ring.addAll(new byte[] {1, 2, 3});
    byte[] two = new byte[2];
    assertThat(ring.removeInto(two)).isEqualTo(2);
    assertThat(two).containsExactly(1, 2);
    assertThat(ring.removeInto(two)).isEqualTo(1);
    assertThat(two[0]).isEqualTo((byte) 3);
    assertThat(ring.removeInto(two)).isZero();
  }

  @Test
  void refusesToOverrun() {
    ByteRing ring = new ByteRing(1);
    ring.add((byte) 1);
    assertThatIllegalStateException().isThrownBy(() -> ring.add((byte) 2));
    ring.clear();
    assertThatIllegalStateException().isThrownBy(ring::remove);
  }
}
