package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.tools.vm.ShutdownCause;
import dev.ballast.tools.vm.VmEvent;
import dev.ballast.vmm.machine.PanicAction;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a guest does to its machine, in the words of QEMU's QAPI schema. */
@Timeout(30)
class GuestEventsTest {
  @TempDir Path directory;
  private final FakeMachine machine = new FakeMachine();

  private String event(VmEvent event) throws IOException {
    Path socket = directory.resolve("qmp");
    try (QmpServer _ = QmpServer.start(machine, socket);
        RawClient client = RawClient.negotiated(socket)) {
      client.ask("{'execute':'query-name'}");
      machine.emit(event);
      var message = client.read();
      return message.path("event").asText() + " " + message.path("data");
    }
  }

  @ParameterizedTest
  @CsvSource({"FAIL, poweroff", "POWEROFF, poweroff", "STOP, pause", "RESET, run", "CONTINUE, run"})
  void aPanicTellsWhatBecomesOfTheMachine(PanicAction action, String word) throws IOException {
    assertThat(event(new VmEvent.GuestPanicked(action)))
        .isEqualTo("GUEST_PANICKED {\"action\":\"" + word + "\"}");
  }

  @Test
  void aCrashKernelRuns() throws IOException {
    assertThat(event(new VmEvent.GuestCrashLoaded()))
        .isEqualTo("GUEST_CRASHLOADED {\"action\":\"run\"}");
  }

  @Test
  void theGuestEndsAMachineByAPanic() throws IOException {
    assertThat(event(new VmEvent.ShutDown(ShutdownCause.GUEST_PANIC)))
        .isEqualTo("SHUTDOWN {\"guest\":true,\"reason\":\"guest-panic\"}");
  }
}
