package dev.ballast.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.ballast.ffi.linux.EventFd;
import dev.ballast.vmm.bus.BusDevice;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Writes to registers that signal an eventfd, with and without regard to the value. */
@Tag("kvm")
@Timeout(60)
class NotifierKvmTest extends TinyGuestFixture {
  private static final int ANY = 0x0;
  private static final int ONE_VALUE = 0x10;
  private static final int PLAIN = 0x20;

  private static final int[] WRITES = {
    0xbb, 0x05, 0x00, 0x00, 0x00, // mov ebx, 5
    0x89, 0x1d, ANY, 0x00, 0x00, 0xd0, // mov [any], ebx
    0x66, 0x89, 0x1d, ANY, 0x00, 0x00, 0xd0, // mov [any], bx
    0x89, 0x1d, ONE_VALUE, 0x00, 0x00, 0xd0, // mov [one value], ebx
    0x43, // inc ebx
    0x89, 0x1d, ANY, 0x00, 0x00, 0xd0, // mov [any], ebx
    0x89, 0x1d, ONE_VALUE, 0x00, 0x00, 0xd0, // mov [one value], ebx
    0x89, 0x1d, PLAIN, 0x00, 0x00, 0xd0, // mov [plain], ebx
    0xeb, 0xfe, // jmp self
  };

  /** Three registers of which two signal an eventfd. */
  private static final class Registers implements DeviceConfig, BusDevice {
    private final List<String> writes = new CopyOnWriteArrayList<>();
    private final List<EventFd> notifiers = new ArrayList<>();

    @Override
    public void attach(MachineBuilder machine) throws IOException {
      long base = machine.allocateMmio(0x1000);
      notifiers.add(machine.notifier(base + ANY, Integer.BYTES));
      notifiers.add(machine.notifier(base + ONE_VALUE, Integer.BYTES, 5));
      machine.addMmio(base, 0x1000, this);
    }

    @Override
    public long read(long offset, int size) {
      return 0;
    }

    @Override
    public void write(long offset, int size, long value) {
      writes.add(Long.toHexString(offset) + "=" + value);
    }
  }

  @Test
  void aNotifierOfAnyValueTakesEveryWriteAndOneOfAValueOnlyThat() throws Exception {
    Registers registers = new Registers();
    try (Machine machine = machine(config(Optional.of(kernel(WRITES))).withDevices(registers))) {
      machine.resume();
      await().until(() -> registers.writes.contains("20=6"));

      assertThat(registers.writes).containsExactly("10=6", "20=6");
      assertThat(registers.notifiers.get(0).await()).isEqualTo(3);
      assertThat(registers.notifiers.get(1).await()).isEqualTo(1);
    }
  }
}
