package dev.ballast.guest.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZOutputStream;

final class KernelModulesTest {
  @TempDir Path directory = Path.of("");

  @Test
  void ordersModulesAfterWhatTheyDependOn() throws IOException {
    module("drivers/virtio/virtio.ko", "virtio_ring");
    module("drivers/virtio/virtio_ring.ko", "");
    module("drivers/virtio/virtio_mmio.ko", "virtio_ring,virtio");
    module("drivers/virtio/virtio-balloon.ko", "virtio-ring,virtio");
    module("drivers/other.ko", "virtio");
    KernelModules modules = new KernelModules(directory);
    assertThat(modules.loadOrder(List.of("virtio_mmio", "virtio_balloon")))
        .extracting(KernelModules.Module::name)
        .containsExactly("virtio_ring", "virtio", "virtio_mmio", "virtio_balloon");
  }

  @Test
  void readsCompressedModules() throws IOException {
    byte[] content = elf("depends=");
    try (OutputStream out =
        new XZOutputStream(
            Files.newOutputStream(directory.resolve("packed.ko.xz")), new LZMA2Options(0))) {
      out.write(content);
    }
    List<KernelModules.Module> order = new KernelModules(directory).loadOrder(List.of("packed"));
    assertThat(order).hasSize(1);
    assertThat(order.getFirst().content()).isEqualTo(content);
  }

  @Test
  void leavesOutWhatIsBuiltIn() throws IOException {
    Files.writeString(
        directory.resolve("modules.builtin"), "kernel/drivers/virtio/virtio-ring.ko\n");
    module("virtio.ko", "virtio_ring");
    assertThat(new KernelModules(directory).loadOrder(List.of("virtio", "virtio_ring")))
        .extracting(KernelModules.Module::name)
        .containsExactly("virtio");
  }

  @Test
  void saysWhatIsMissing() throws IOException {
    assertThatThrownBy(() -> new KernelModules(directory))
        .hasMessageContaining("no kernel modules");
    assertThatThrownBy(() -> new KernelModules(directory.resolve("none")))
        .hasMessageContaining("is not a directory");
    module("a.ko", "b");
    KernelModules modules = new KernelModules(directory);
    assertThatThrownBy(() -> modules.loadOrder(List.of("a")))
        .isInstanceOf(GuestImageException.class)
        .hasMessageContaining("kernel module b, which a needs, is not in");
  }

  @Test
  void refusesACircle() throws IOException {
    module("a.ko", "b");
    module("b.ko", "a");
    KernelModules modules = new KernelModules(directory);
    assertThatThrownBy(() -> modules.loadOrder(List.of("a"))).hasMessageContaining("a → b");
  }

  @Test
  void survivesDamagedModules() throws IOException {
    byte[] good = elf("depends=x");
    for (int length = 0; length < good.length; length++) {
      parseDamaged(Arrays.copyOf(good, length), "cut at " + length);
    }
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 5000; i++) {
      byte[] bad = good.clone();
      bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
      parseDamaged(bad, "seed " + seed + ", round " + i);
    }
  }

  /** Damage gives a wrong answer or the one checked exception, nothing else. */
  private static void parseDamaged(byte[] content, String what) {
    try {
      assertThat(ModuleInfo.parse(Path.of("m.ko"), content).dependencies()).as(what).isNotNull();
    } catch (GuestImageException e) {
      assertThat(e).as(what).hasMessageStartingWith("m.ko is ");
    }
  }

  private void module(String name, String depends) throws IOException {
    Path file = directory.resolve(name);
    Files.createDirectories(directory.resolve(name).resolve("..").normalize());
    Files.write(file, elf("license=GPL\0depends=" + depends + "\0name=x"));
  }

  /** An ELF64 file of three sections: none, .modinfo and the section names. */
  private static byte[] elf(String modinfo) {
    byte[] info = (modinfo + "\0").getBytes(StandardCharsets.US_ASCII);
    byte[] names = "\0.modinfo\0.shstrtab\0".getBytes(StandardCharsets.US_ASCII);
    ByteBuffer elf =
        ByteBuffer.allocate(64 + info.length + names.length + 3 * 64)
            .order(ByteOrder.LITTLE_ENDIAN);
    elf.putInt(0, 0x464c457f).put(4, (byte) 2).put(5, (byte) 1);
    int table = 64 + info.length + names.length;
    elf.putLong(0x28, table);
    elf.putShort(0x3a, (short) 64).putShort(0x3c, (short) 3).putShort(0x3e, (short) 2);
    elf.put(64, info).put(64 + info.length, names);
    elf.putInt(table + 64, 1)
        .putLong(table + 64 + 0x18, 64)
        .putLong(table + 64 + 0x20, info.length);
    elf.putInt(table + 128, 10)
        .putLong(table + 128 + 0x18, 64 + info.length)
        .putLong(table + 128 + 0x20, names.length);
    return elf.array();
  }
}
