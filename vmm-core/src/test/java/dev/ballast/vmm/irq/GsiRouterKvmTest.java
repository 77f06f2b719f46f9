package dev.ballast.vmm.irq;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.ffi.kvm.Kvm;
import dev.ballast.ffi.kvm.KvmVcpu;
import dev.ballast.ffi.kvm.KvmVm;
import dev.ballast.ffi.kvm.VcpuStateKind;
import dev.ballast.ffi.kvm.VmStateKind;
import dev.ballast.vmm.bus.AddressMap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Lines and messages, on the real KVM; they are seen in the controllers where they arrive. */
@Tag("kvm")
@Timeout(60)
class GsiRouterKvmTest {
  private static final Path KVM = Path.of("/dev/kvm");

  /** Offset of the request register in a {@code struct kvm_pic_state}. */
  private static final int PIC_IRR = 1;

  private static final int APIC_SPURIOUS = 0xf0;
  private static final int APIC_IRR = 0x200;
  private static final int APIC_ENABLED = 1;

  private Kvm kvm;
  private KvmVm vm;
  private KvmVcpu vcpu;
  private GsiRouter router;

  @BeforeEach
  void make() throws IOException {
    assumeTrue(Files.isWritable(KVM), "needs /dev/kvm");
    kvm = Kvm.open();
    vm = kvm.createVm();
    vm.setTssAddress(AddressMap.TASK_STATE_SEGMENT);
    vm.createIrqChip();
    vcpu = vm.createVcpu(0);
    byte[] apic = vcpu.get(VcpuStateKind.LAPIC);
    apic[APIC_SPURIOUS + 1] |= APIC_ENABLED;
    vcpu.set(VcpuStateKind.LAPIC, apic);
    router = new GsiRouter(vm, false);
  }

  @AfterEach
  void close() {
    if (router != null) {
      router.close();
      vcpu.close();
      vm.close();
      kvm.close();
    }
  }

  private boolean isRequested(int vector) throws IOException {
    byte[] apic = vcpu.get(VcpuStateKind.LAPIC);
    return (apic[APIC_IRR + vector / 32 * 16 + vector % 32 / 8] & (1 << (vector % 8))) != 0;
  }

  private int picRequests() throws IOException {
    return vm.get(VmStateKind.PIC_MASTER)[PIC_IRR] & 0xff;
  }

  @Test
  void pinsAreHandedOutOnceEach() throws Exception {
    for (int gsi = GsiRouter.FIRST_DEVICE_PIN; gsi < GsiRouter.PINS; gsi++) {
      assertThat(router.allocatePin()).isEqualTo(gsi);
    }
    assertThatThrownBy(router::allocatePin)
        .isInstanceOf(IOException.class)
        .hasMessage("all 8 interrupt lines for devices are taken");
  }

  @Test
  void aMessageArrivesOnlyWhileItIsSet() throws Exception {
    MsiVectors vectors = router.allocateVectors(2);
    vectors.signal(0);
    vectors.set(0, AddressMap.LOCAL_APIC, 0x41);
    vectors.set(1, AddressMap.LOCAL_APIC, 0x52);
    vectors.signal(1);
    assertThat(isRequested(0x41)).isFalse();
    vectors.update();
    assertThat(isRequested(0x41)).as("what was sent before is lost").isFalse();
    vectors.signal(0);
    await().until(() -> isRequested(0x41));
    assertThat(isRequested(0x52)).isFalse();

    vectors.clear(1);
    vectors.update();
    vectors.signal(1);
    vectors.set(0, AddressMap.LOCAL_APIC, 0x63);
    vectors.update();
    vectors.signal(0);
    await().until(() -> isRequested(0x63));
    assertThat(isRequested(0x52)).isFalse();
  }

  @Test
  void devicesDoNotTakeEachOthersMessages() throws Exception {
    MsiVectors first = router.allocateVectors(1);
    MsiVectors second = router.allocateVectors(1);
    first.set(0, AddressMap.LOCAL_APIC, 0x41);
    first.update();
    second.set(0, AddressMap.LOCAL_APIC, 0x42);
    second.update();
    first.signal(0);
    await().until(() -> isRequested(0x41));
    second.signal(0);
    await().until(() -> isRequested(0x42));
  }

  @Test
  void linesArriveWithAndWithoutMessages() throws Exception {
    InterruptLine level = router.line(3, false);
    level.setLevel(true);
    assertThat(picRequests()).isEqualTo(1 << 3);
    level.setLevel(false);
    MsiVectors vectors = router.allocateVectors(1);
    vectors.set(0, AddressMap.LOCAL_APIC, 0x41);
    vectors.update();
    InterruptLine edge = router.line(5, true);
    edge.pulse();
    await().until(() -> (picRequests() & 1 << 5) != 0);
  }

  @Test
  void asManyMessagesAsKvmHas() throws Exception {
    MsiVectors all = router.allocateVectors(4096 - 40);
    for (int i = 0; i < all.count(); i++) {
      all.set(i, AddressMap.LOCAL_APIC, 0x41);
    }
    all.update();
    assertThatThrownBy(() -> router.allocateVectors(1))
        .isInstanceOf(IOException.class)
        .hasMessage("1 message-signalled interrupts: 0 are left");
  }
}
