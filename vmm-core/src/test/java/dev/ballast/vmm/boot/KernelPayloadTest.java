package dev.ballast.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class KernelPayloadTest {
  @ParameterizedTest
  @EnumSource(
      names = {"BZIP2", "LZO"},
      mode = EnumSource.Mode.EXCLUDE)
  void restoresWhatWasCompressed(KernelPayload.Compression compression) throws IOException {
    // LZ4: more than one block.
    byte[] content = content(compression == KernelPayload.Compression.LZ4 ? 9 << 20 : 1 << 20);
    assertThat(decompress(KernelFiles.payload(compression, content))).isEqualTo(content);
  }

  @ParameterizedTest
  @EnumSource(
      names = {"BZIP2", "LZO"},
      mode = EnumSource.Mode.EXCLUDE)
  void growsForWhatCompressesBetterThanUsual(KernelPayload.Compression compression)
      throws IOException {
    byte[] content = new byte[3 << 20];
    assertThat(decompress(KernelFiles.payload(compression, content))).isEqualTo(content);
  }

  @ParameterizedTest
  @EnumSource(names = {"BZIP2", "LZO"})
  void namesACompressionThatItDoesNotSupport(KernelPayload.Compression compression)
      throws IOException {
    byte[] payload = KernelFiles.payload(compression, new byte[100]);
    assertThatThrownBy(() -> decompress(payload))
        .isInstanceOf(KernelFormatException.class)
        .hasMessageContaining("the payload is " + compression + "; supported are");
  }

  @ParameterizedTest
  @EnumSource(
      names = {"BZIP2", "LZO"},
      mode = EnumSource.Mode.EXCLUDE)
  void refusesASizeThatIsNotWhatComesOut(KernelPayload.Compression compression) throws IOException {
    byte[] payload = KernelFiles.payload(compression, content(100_000));
    for (int flipped : new int[] {0x01, 0x80}) {
      byte[] bad = payload.clone();
      bad[bad.length - 1] ^= (byte) flipped;
      assertThatThrownBy(() -> decompress(bad))
          .isInstanceOf(KernelFormatException.class)
          .hasMessageContaining("is damaged");
    }
  }

  @ParameterizedTest
  @EnumSource(
      names = {"BZIP2", "LZO"},
      mode = EnumSource.Mode.EXCLUDE)
  void refusesDamage(KernelPayload.Compression compression) throws IOException {
    byte[] content = content(20_000);
    byte[] payload = KernelFiles.payload(compression, content);
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 100; i++) {
      byte[] bad =
          i % 2 == 0 ? Arrays.copyOf(payload, random.nextInt(payload.length)) : payload.clone();
      if (i % 2 == 1) {
        // The start more often than the rest: the headers are there.
        int at = random.nextInt(i % 4 == 1 ? 32 : bad.length);
        bad[at] ^= (byte) (1 << random.nextInt(8));
      }
      try {
        // What has no checksum may come out changed; then only its size is right.
        assertThat(decompress(bad))
            .as("%s, seed %d, round %d", compression, seed, i)
            .hasSize(20_000);
      } catch (KernelFormatException e) {
        assertThat(e).as("seed %d, round %d", seed, i).hasMessageContaining("payload");
      }
    }
  }

  private static byte[] decompress(byte[] payload) throws KernelFormatException {
    BzImage image = BzImage.parse("kernel", MemorySegment.ofArray(KernelFiles.bzImage(payload)));
    try (Arena arena = Arena.ofConfined()) {
      return KernelPayload.decompress(image, arena).toArray(ValueLayout.JAVA_BYTE);
    }
  }

  /** Half of it does not compress. */
  private static byte[] content(int size) {
    byte[] content = new byte[size];
    byte[] noise = new byte[size / 2];
    new Random(1).nextBytes(noise);
    System.arraycopy(noise, 0, content, size / 4, noise.length);
    return content;
  }
}
