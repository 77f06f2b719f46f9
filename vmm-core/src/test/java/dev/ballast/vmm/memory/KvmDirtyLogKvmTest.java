package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.vmm.boot.BootEntry;
import dev.ballast.vmm.vcpu.BootRegisters;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The dirty log of RAM that takes several memslots, on the real KVM. */
@Tag("kvm")
class KvmDirtyLogKvmTest {
  private static final long MIB = 1 << 20;
  private static final long ENTRY = MIB;
  private static final long TSS_ADDRESS = 0xFFFB_D000L;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  /** Writes to 3, 19 and 51 MiB, halts, writes to 35 MiB, halts. */
  private static byte[] code() {
    byte[] code = new byte[4 * 5 + 2];
    int at = 0;
    for (int mib : new int[] {3, 19, 51}) {
      at = store(code, at, mib);
    }
    code[at++] = (byte) 0xf4;
    at = store(code, at, 35);
    code[at] = (byte) 0xf4;
    return code;
  }

  /** mov [address], eax. */
  private static int store(byte[] code, int at, int mib) {
    int address = mib << 20;
    code[at] = (byte) 0xa3;
    for (int i = 0; i < 4; i++) {
      code[at + 1 + i] = (byte) (address >>> (8 * i));
    }
    return at + 5;
  }

  private static List<Long> mebibytes(KvmDirtyLog log) throws IOException {
    PageBitmap dirty = PageBitmap.allocate(64 * MIB / RamBlock.PAGE_SIZE);
    log.fetch(dirty);
    log.protect(dirty, 0, dirty.wordCount());
    List<Long> found = new ArrayList<>();
    dirty.forEachRun((first, count) -> found.add(first * RamBlock.PAGE_SIZE / MIB));
    return found;
  }

  @Test
  void writesToEveryMemslotAreFoundWhereTheyAreInRam() throws Exception {
    try (Kvm kvm = Kvm.open(Path.of("/dev/kvm"));
        KvmVm vm = kvm.createVm();
        GuestMemory memory = new GuestMemory(RamConfig.anonymous(64 * MIB).open())) {
      KvmDirtyLog log = new KvmDirtyLog(vm, memory, 1, 16 * MIB);
      vm.setTssAddress(TSS_ADDRESS);
      memory.write(ENTRY, MemorySegment.ofArray(code()));
      try (KvmVcpu vcpu = vm.createVcpu(0)) {
        BootRegisters.apply(vcpu, new BootEntry.Pvh(ENTRY, 0));
        log.start();
        mebibytes(log);
        assertThat(vcpu.run()).isZero();
        assertThat(mebibytes(log)).containsExactly(3L, 19L, 51L);
        assertThat(mebibytes(log)).isEmpty();
        assertThat(vcpu.run()).isZero();
        assertThat(mebibytes(log)).containsExactly(35L);
        log.stop();
        assertThat(memory.find(15 * MIB, 40 * MIB)).as("RAM is one region").isEqualTo(15 * MIB);
      }
    }
  }

  @Test
  void theMoreVcpusThereAreTheMoreIsProtectedAtOnce() {
    assertThat(KvmDirtyLog.protectBytes(1)).isEqualTo(32 * MIB);
    assertThat(KvmDirtyLog.protectBytes(8)).isEqualTo(32 * MIB);
    assertThat(KvmDirtyLog.protectBytes(9)).isEqualTo(64 * MIB);
    assertThat(KvmDirtyLog.protectBytes(17)).isEqualTo(128 * MIB);
    assertThat(KvmDirtyLog.protectBytes(240)).isEqualTo(1024 * MIB);
    assertThat(KvmDirtyLog.protectBytes(4096)).isEqualTo(1024 * MIB);
  }

  /** A KVM without two-dimensional paging keeps 8 bytes of its own for every page of a memslot. */
  private static boolean memslotsCostNothing() throws IOException {
    Path parameter = Path.of("/sys/module/kvm/parameters/tdp_mmu");
    return Files.isReadable(parameter) && Files.readString(parameter).strip().equals("Y");
  }

  private static int physicalAddressBits() throws IOException {
    return Files.readString(Path.of("/proc/cpuinfo"))
        .lines()
        .filter(line -> line.startsWith("address sizes"))
        .map(line -> line.replaceAll("[^:]*: (\\d+) bits physical.*", "$1"))
        .mapToInt(Integer::parseInt)
        .findFirst()
        .orElse(0);
  }

  @Test
  void nineTebibytesAreTaken() throws Exception {
    assumeTrue(memslotsCostNothing(), "this KVM would need 18 GiB for memslots of 9 TiB");
    assumeTrue(physicalAddressBits() >= 44, "9 TiB need 44 bits of physical address");
    try (Kvm kvm = Kvm.open(Path.of("/dev/kvm"));
        KvmVm vm = kvm.createVm();
        GuestMemory memory = new GuestMemory(RamConfig.anonymous(9L << 40).open())) {
      assertThatCode(() -> new KvmDirtyLog(vm, memory, 1)).doesNotThrowAnyException();
    }
  }
}
