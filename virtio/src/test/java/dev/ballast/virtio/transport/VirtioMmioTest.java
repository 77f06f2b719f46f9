package dev.ballast.virtio.transport;

import static dev.ballast.virtio.transport.DeviceStatus.ACKNOWLEDGE;
import static dev.ballast.virtio.transport.DeviceStatus.DEVICE_NEEDS_RESET;
import static dev.ballast.virtio.transport.DeviceStatus.DRIVER;
import static dev.ballast.virtio.transport.DeviceStatus.DRIVER_OK;
import static dev.ballast.virtio.transport.DeviceStatus.FAILED;
import static dev.ballast.virtio.transport.DeviceStatus.FEATURES_OK;
import static dev.ballast.virtio.transport.VirtioFeature.EVENT_IDX;
import static dev.ballast.virtio.transport.VirtioFeature.INDIRECT_DESC;
import static dev.ballast.virtio.transport.VirtioFeature.VERSION_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.virtio.mock.MmioDriverRegisters;
import dev.ballast.virtio.mock.MockBuffer;
import dev.ballast.virtio.mock.MockDriver;
import dev.ballast.virtio.mock.MockQueue;
import dev.ballast.virtio.mock.MockTransport;
import dev.ballast.virtio.mock.SparseRam;
import dev.ballast.virtio.transport.mmio.MmioRegister;
import dev.ballast.virtio.transport.mmio.VirtioMmio;
import dev.ballast.vmm.memory.GuestMemory;
import java.time.Duration;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The registers of virtio v1.3 §4.2.2 and the status machine of §3.1. */
class VirtioMmioTest {
  private static final long FEATURES = VERSION_1 | EchoDevice.FEATURE | INDIRECT_DESC | EVENT_IDX;

  private final GuestMemory memory = new GuestMemory(new SparseRam(4 << 20));
  private final EchoDevice device = new EchoDevice();
  private final MockTransport mock = new MockTransport("echo0", memory, device);
  private final VirtioMmio mmio = mock.transport();
  private final MmioDriverRegisters registers = mock.registers();
  private final MockDriver driver = new MockDriver(memory, mock.registers(), 0x10_0000);

  @AfterEach
  void close() {
    mock.close();
    memory.close();
  }

  @Test
  void identifiesItself() {
    assertThat(registers.read(MmioRegister.MAGIC_VALUE)).isEqualTo(0x74726976);
    assertThat(registers.read(MmioRegister.VERSION)).isEqualTo(2);
    assertThat(registers.read(MmioRegister.DEVICE_ID)).isEqualTo(42);
    assertThat(registers.read(MmioRegister.VENDOR_ID)).isNotZero();
    assertThat(driver.status()).isZero();
  }

  @Test
  void offersFeaturesInWordsAndNothingBeyondThem() {
    assertThat(driver.offeredFeatures()).isEqualTo(FEATURES);
    registers.write(MmioRegister.DEVICE_FEATURES_SELECT, 2);
    assertThat(registers.read(MmioRegister.DEVICE_FEATURES)).isZero();
    registers.write(MmioRegister.DEVICE_FEATURES_SELECT, -1);
    assertThat(registers.read(MmioRegister.DEVICE_FEATURES)).isZero();
  }

  @Test
  void registersAreReadAndWrittenIn32BitsOnly() {
    for (int size : new int[] {1, 2, 8}) {
      assertThat(mmio.read(MmioRegister.MAGIC_VALUE, size)).isZero();
      mmio.write(MmioRegister.STATUS, size, ACKNOWLEDGE);
      assertThat(driver.status()).isZero();
    }
    assertThat(registers.read(MmioRegister.MAGIC_VALUE + 2)).isZero();
    registers.write(MmioRegister.STATUS + 1, ACKNOWLEDGE);
    assertThat(driver.status()).isZero();
    assertThat(mmio.read(MmioRegister.SHM_LENGTH_LOW, 4))
        .as("not sign-extended")
        .isEqualTo(0xffff_ffffL);
  }

  @Test
  void writeOnlyAndAbsentRegistersReadAsZero() {
    driver.negotiate(FEATURES);
    driver.addQueue(0, 16);
    for (int register :
        new int[] {
          MmioRegister.DEVICE_FEATURES_SELECT,
          MmioRegister.DRIVER_FEATURES,
          MmioRegister.DRIVER_FEATURES_SELECT,
          MmioRegister.QUEUE_SELECT,
          MmioRegister.QUEUE_SIZE,
          MmioRegister.QUEUE_NOTIFY,
          MmioRegister.INTERRUPT_ACK,
          MmioRegister.QUEUE_DESCRIPTOR_LOW,
          MmioRegister.QUEUE_DRIVER_LOW,
          MmioRegister.QUEUE_DEVICE_LOW,
          0x018,
          0x028, // GuestPageSize of version 1
          0x040, // QueuePFN of version 1
          0x0c0, // QueueReset, which is not offered
          0x0f8
        }) {
      assertThat(registers.read(register)).as("0x%x", register).isZero();
    }
  }

  @Test
  void thereIsNoSharedMemory() {
    for (int id = 0; id < 3; id++) {
      registers.write(0x0ac, id);
      assertThat(registers.read(MmioRegister.SHM_LENGTH_LOW)).isEqualTo(-1);
      assertThat(registers.read(MmioRegister.SHM_LENGTH_HIGH)).isEqualTo(-1);
      assertThat(registers.read(MmioRegister.SHM_BASE_LOW)).isEqualTo(-1);
      assertThat(registers.read(MmioRegister.SHM_BASE_HIGH)).isEqualTo(-1);
    }
  }

  @Test
  void readOnlyRegistersCannotBeWritten() {
    for (int register :
        new int[] {
          MmioRegister.MAGIC_VALUE,
          MmioRegister.VERSION,
          MmioRegister.DEVICE_ID,
          MmioRegister.VENDOR_ID,
          MmioRegister.DEVICE_FEATURES,
          MmioRegister.QUEUE_SIZE_MAX,
          MmioRegister.INTERRUPT_STATUS,
          MmioRegister.CONFIG_GENERATION
        }) {
      int before = registers.read(register);
      registers.write(register, 0x5a5a5a5a);
      assertThat(registers.read(register)).isEqualTo(before);
    }
  }

  @Test
  void statusGoesUpStepByStep() {
    registers.write(MmioRegister.STATUS, DRIVER);
    assertThat(driver.status()).as("DRIVER without ACKNOWLEDGE").isZero();
    registers.write(MmioRegister.STATUS, ACKNOWLEDGE);
    registers.write(MmioRegister.STATUS, ACKNOWLEDGE | FEATURES_OK);
    assertThat(driver.status()).as("FEATURES_OK without DRIVER").isEqualTo(ACKNOWLEDGE);
    registers.write(MmioRegister.STATUS, ACKNOWLEDGE | DRIVER);
    registers.write(MmioRegister.STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
    assertThat(driver.status()).as("DRIVER_OK without FEATURES_OK").isEqualTo(3);
    driver.writeFeatures(FEATURES);
    registers.write(MmioRegister.STATUS, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
    assertThat(driver.status()).as("both at once: not looked at in between").isEqualTo(11);
    assertThat(device.activatedWith).isEqualTo(-1);
    driver.addStatus(DRIVER_OK);
    assertThat(driver.status()).isEqualTo(15);
    assertThat(device.activatedWith).isEqualTo(FEATURES);
    assertThat(mmio.faults()).isEqualTo(4);
  }

  @Test
  void theDriverCannotClearABitNorSetTheDevicesOwn() {
    driver.negotiate(FEATURES);
    registers.write(MmioRegister.STATUS, ACKNOWLEDGE);
    assertThat(driver.status()).isEqualTo(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    driver.addStatus(DEVICE_NEEDS_RESET | 0x30 | 0x7fff_ff00);
    assertThat(driver.status()).isEqualTo(ACKNOWLEDGE | DRIVER | FEATURES_OK);
    driver.addStatus(FAILED);
    assertThat(driver.status() & FAILED).isEqualTo(FAILED);
  }

  static LongStream unacceptableFeatures() {
    return LongStream.of(0, EchoDevice.FEATURE, VERSION_1 | 1, VERSION_1 | 1L << 63, ~0L);
  }

  @ParameterizedTest
  @MethodSource("unacceptableFeatures")
  void featuresMustBeOfferedAndHoldVersion1(long features) {
    assertThat(driver.negotiate(features)).isFalse();
    driver.start();
    assertThat(driver.status()).isEqualTo(ACKNOWLEDGE | DRIVER);
    driver.writeFeatures(VERSION_1);
    driver.addStatus(FEATURES_OK);
    assertThat(driver.status()).as("the driver may think again").isEqualTo(11);
  }

  @Test
  void featuresAreWrittenByADriverAndFrozenByFeaturesOk() {
    driver.writeFeatures(FEATURES);
    driver.addStatus(ACKNOWLEDGE);
    driver.addStatus(DRIVER);
    driver.addStatus(FEATURES_OK);
    assertThat(driver.status() & FEATURES_OK).as("written before DRIVER").isZero();

    driver.negotiate(VERSION_1);
    driver.writeFeatures(FEATURES);
    driver.start();
    assertThat(device.activatedWith).isEqualTo(VERSION_1);
  }

  @Test
  void featuresBeyondBit63DoNotFoldBack() {
    driver.addStatus(ACKNOWLEDGE);
    driver.addStatus(DRIVER);
    driver.writeFeatures(VERSION_1);
    for (int select : new int[] {2, 3, 32, -1}) {
      registers.write(MmioRegister.DRIVER_FEATURES_SELECT, select);
      registers.write(MmioRegister.DRIVER_FEATURES, -1);
    }
    driver.addStatus(FEATURES_OK);
    assertThat(driver.status() & FEATURES_OK).isEqualTo(FEATURES_OK);
  }

  @Test
  void queuesAreSelected() {
    assertThat(registers.read(MmioRegister.QUEUE_SIZE_MAX)).isEqualTo(16);
    registers.write(MmioRegister.QUEUE_SELECT, 1);
    assertThat(registers.read(MmioRegister.QUEUE_SIZE_MAX)).isEqualTo(64);
    driver.negotiate(FEATURES);
    for (int absent : new int[] {2, 0x1_0000, -1, Integer.MIN_VALUE}) {
      driver.writeQueue(absent, 16, 0x1000, 0x2000, 0x3000);
      registers.write(MmioRegister.QUEUE_READY, 1);
      assertThat(registers.read(MmioRegister.QUEUE_SIZE_MAX)).isZero();
      assertThat(registers.read(MmioRegister.QUEUE_READY)).isZero();
    }
  }

  @Test
  void queuesAreSetUpBetweenFeaturesOkAndDriverOk() {
    registers.write(MmioRegister.QUEUE_READY, 1);
    assertThat(registers.read(MmioRegister.QUEUE_READY)).isZero();
    driver.negotiate(FEATURES);
    MockQueue first = driver.addQueue(0, 16);
    assertThat(registers.read(MmioRegister.QUEUE_READY)).isEqualTo(1);
    driver.start();

    registers.write(MmioRegister.QUEUE_SELECT, 1);
    registers.write(MmioRegister.QUEUE_READY, 1);
    assertThat(registers.read(MmioRegister.QUEUE_READY)).as("enabled too late").isZero();
    registers.write(MmioRegister.QUEUE_SELECT, 0);
    registers.write(MmioRegister.QUEUE_READY, 0);
    assertThat(registers.read(MmioRegister.QUEUE_READY)).as("disabled too late").isEqualTo(1);

    driver.writeQueue(0, 4, 0, 0, 0);
    first.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    first.awaitAllUsed();
  }

  @Test
  void anEnabledQueueIsFrozenUntilItIsDisabled() {
    driver.negotiate(FEATURES);
    MockQueue queue = driver.addQueue(0, 16);
    long faults = mmio.faults();
    driver.writeQueue(0, 3, 1, 1, 1);
    assertThat(mmio.faults()).isEqualTo(faults + 7);

    registers.write(MmioRegister.QUEUE_READY, 0);
    MockQueue other = driver.addQueue(0, 8);
    driver.start();
    assertThat(driver.status()).isEqualTo(15);
    other.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    other.awaitAllUsed();
    assertThat(queue.usedIndex()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 3, 32, -1})
  void aBadQueueNeedsAReset(int size) {
    driver.negotiate(FEATURES);
    MockQueue good = driver.addQueue(1, 8);
    good.add(MockBuffer.readable(0x1000, 1));
    driver.writeQueue(0, size, 0x1000, 0x2000, 0x3000);
    registers.write(MmioRegister.QUEUE_READY, 1);

    driver.start();

    assertThat(driver.status()).isEqualTo(15 | DEVICE_NEEDS_RESET);
    assertThat(registers.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(2);
    assertThat(mock.interrupt().edges()).isEqualTo(1);
    assertThat(device.activatedWith).as("not half activated").isEqualTo(-1);
    driver.notifyQueue(1);
    await().during(Duration.ofMillis(50)).until(() -> device.handled.get() == 0);

    driver.reset();
    assertThat(driver.status()).isZero();
  }

  @Test
  void queuesThatAreNotEnabledAreLeftAlone() {
    driver.negotiate(FEATURES);
    MockQueue queue = driver.addQueue(1, 8);
    driver.start();
    queue.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(1);
    queue.awaitAllUsed();
    assertThat(driver.status()).isEqualTo(15);
  }

  @Test
  void addressesAreSetInHalves() {
    driver.negotiate(FEATURES);
    registers.write(MmioRegister.QUEUE_SELECT, 0);
    registers.write(MmioRegister.QUEUE_SIZE, 16);
    registers.write(MmioRegister.QUEUE_DESCRIPTOR_HIGH, 0x8000_0000);
    registers.write(MmioRegister.QUEUE_DESCRIPTOR_LOW, 0xffff_fff0);
    registers.write(MmioRegister.QUEUE_DESCRIPTOR_HIGH, 0);
    registers.write(MmioRegister.QUEUE_DESCRIPTOR_LOW, 0x8000);
    registers.write(MmioRegister.QUEUE_DRIVER_LOW, 0x9000);
    registers.write(MmioRegister.QUEUE_DEVICE_LOW, 0xa000);
    registers.write(MmioRegister.QUEUE_READY, 1);
    driver.start();
    assertThat(driver.status()).isEqualTo(15);
  }

  @Test
  void usedBuffersInterruptAndAreAcknowledged() {
    driver.negotiate(VERSION_1);
    MockQueue queue = driver.addQueue(0, 16);
    driver.start();
    queue.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(0);
    await().until(() -> mock.interrupt().edges() == 1);
    assertThat(registers.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(1);

    device.changeConfig(7);
    assertThat(registers.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(3);
    assertThat(mock.interrupt().edges()).isEqualTo(2);
    registers.write(MmioRegister.INTERRUPT_ACK, 1);
    assertThat(registers.read(MmioRegister.INTERRUPT_STATUS)).isEqualTo(2);
    registers.write(MmioRegister.INTERRUPT_ACK, 0xfffffff2);
    assertThat(registers.read(MmioRegister.INTERRUPT_STATUS)).isZero();
  }

  @Test
  void theConfigurationSpaceIsTheDevices() {
    int generation = registers.read(MmioRegister.CONFIG_GENERATION);
    assertThat(registers.read(MmioRegister.CONFIG)).isEqualTo(0x4433_2211);
    assertThat(mmio.read(MmioRegister.CONFIG, 8)).isEqualTo(0x8877_6655_4433_2211L);
    mmio.write(MmioRegister.CONFIG, 4, 1);
    assertThat(registers.read(MmioRegister.CONFIG)).as("written without a driver").isNotEqualTo(1);
    driver.negotiate(FEATURES);
    mmio.write(MmioRegister.CONFIG, 4, 1);
    assertThat(registers.read(MmioRegister.CONFIG)).isEqualTo(1);
    assertThat(registers.read(MmioRegister.CONFIG_GENERATION)).isEqualTo(generation);

    device.changeConfig(2);
    assertThat(registers.read(MmioRegister.CONFIG_GENERATION)).isNotEqualTo(generation);
    assertThat(mock.interrupt().edges()).as("before DRIVER_OK").isZero();
  }

  @Test
  void aResetForgetsAllTheDriverSaid() {
    driver.negotiate(FEATURES);
    driver.addQueue(1, 8);
    driver.start();
    device.changeConfig(1);
    registers.write(MmioRegister.DEVICE_FEATURES_SELECT, 1);

    driver.reset();

    assertThat(device.resets.get()).isPositive();
    assertThat(driver.status()).isZero();
    assertThat(registers.read(MmioRegister.INTERRUPT_STATUS)).isZero();
    assertThat(registers.read(MmioRegister.QUEUE_SIZE_MAX)).as("queue 0 is selected").isEqualTo(16);
    assertThat(registers.read(MmioRegister.DEVICE_FEATURES)).isEqualTo((int) FEATURES);
    registers.write(MmioRegister.QUEUE_SELECT, 1);
    assertThat(registers.read(MmioRegister.QUEUE_READY)).isZero();
    driver.addStatus(ACKNOWLEDGE);
    driver.addStatus(DRIVER);
    driver.addStatus(FEATURES_OK);
    assertThat(driver.status() & FEATURES_OK).as("features are gone").isZero();
  }

  @Test
  void aBrokenRingNeedsAResetAndIsNotServedBefore() {
    driver.negotiate(FEATURES);
    MockQueue queue = driver.addQueue(0, 16);
    MockQueue other = driver.addQueue(1, 16);
    driver.start();
    queue.makeAvailable(0xffff);
    driver.notifyQueue(0);
    await().until(() -> (driver.status() & DEVICE_NEEDS_RESET) != 0);
    await().until(() -> (registers.read(MmioRegister.INTERRUPT_STATUS) & 2) != 0);

    other.add(MockBuffer.readable(0x1000, 1));
    driver.notifyQueue(1);
    driver.addStatus(DRIVER_OK);
    mmio.quiesce();
    mmio.resume();
    await().during(Duration.ofMillis(50)).until(() -> device.handled.get() == 0);
    assertThat(driver.status() & DEVICE_NEEDS_RESET).isEqualTo(DEVICE_NEEDS_RESET);
  }
}
