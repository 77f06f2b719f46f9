package dev.ballast.tools.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.guest.bare.BareGuestConsole;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.vmm.machine.RunState;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What source and destination tell about a migration of a running guest, and in which order. */
@Tag("kvm")
@Timeout(180)
class BareGuestEventsKvmTest {
  private static final long MEMORY = 128L << 20;

  @TempDir Path directory;

  @BeforeEach
  void needsKvm() {
    assumeTrue(Files.isWritable(Path.of("/dev/kvm")), "needs /dev/kvm");
  }

  private static List<VmEvent> record(KvmVirtualMachine vm) {
    List<VmEvent> events = new CopyOnWriteArrayList<>();
    vm.addListener(events::add);
    return events;
  }

  private static VmEvent status(MigrationStatus status) {
    return new VmEvent.MigrationChanged(status);
  }

  @Test
  void bothSidesTellInOrder() throws Exception {
    BareMachines machines = new BareMachines(directory, MEMORY);
    try (KvmVirtualMachine a = machines.make("a", false);
        KvmVirtualMachine b = machines.make("b", true);
        BareGuestConsole console = machines.console("a")) {
      a.cont();
      console.awaitReady(BareMachines.TIMEOUT);
      List<VmEvent> source = record(a);
      List<VmEvent> destination = record(b);
      assertThat(machines.migrate(a, b).error()).isEmpty();
      await()
          .atMost(BareMachines.TIMEOUT)
          .until(() -> destination.contains(status(MigrationStatus.COMPLETED)));
      long passes = source.stream().filter(VmEvent.MigrationPass.class::isInstance).count();
      assertThat(passes).isGreaterThan(1);
      assertThat(source)
          .filteredOn(event -> !event.equals(new VmEvent.MigrationPass(passes)))
          .filteredOn(event -> !(event instanceof VmEvent.MigrationPass pass) || pass.pass() == 1)
          .containsExactly(
              status(MigrationStatus.SETUP),
              status(MigrationStatus.ACTIVE),
              new VmEvent.MigrationPass(1),
              new VmEvent.Stopped(),
              status(MigrationStatus.DEVICE),
              status(MigrationStatus.COMPLETED));
      assertThat(source.indexOf(new VmEvent.MigrationPass(passes)))
          .as("the last pass is the one with the guest stopped")
          .isEqualTo(source.indexOf(status(MigrationStatus.DEVICE)) + 1);
      assertThat(destination)
          .containsExactly(
              status(MigrationStatus.SETUP),
              status(MigrationStatus.ACTIVE),
              new VmEvent.Resumed(),
              status(MigrationStatus.COMPLETED));
    }
  }

  @Test
  void aDefectAtTheDestinationEndsItAndTheGuestStays() throws Exception {
    BareMachines machines = new BareMachines(directory, MEMORY);
    try (KvmVirtualMachine a = machines.make("a", false);
        KvmVirtualMachine b = machines.make("b", true);
        BareGuestConsole console = machines.console("a")) {
      a.cont();
      console.awaitReady(BareMachines.TIMEOUT);
      b.addListener(
          event -> {
            if (event.equals(status(MigrationStatus.ACTIVE))) {
              throw new IllegalStateException("a defect");
            }
          });
      assertThat(machines.migrate(a, b).status()).isEqualTo(MigrationStatus.FAILED);
      assertThat(b.end().get(BareMachines.TIMEOUT.toSeconds(), TimeUnit.SECONDS).message())
          .startsWith("the guest did not arrive: ")
          .contains("a defect");
      assertThat(b.migration().progress().status()).isEqualTo(MigrationStatus.FAILED);
      console.send("count", BareMachines.TIMEOUT);
    }
  }

  @Test
  void aFailureAfterTheStopIsToldAndTheGuestResumes() throws Exception {
    BareMachines machines = new BareMachines(directory, MEMORY);
    try (KvmVirtualMachine a = machines.make("a", false);
        KvmVirtualMachine b = machines.make("b", true);
        BareGuestConsole console = machines.console("a")) {
      a.cont();
      console.awaitReady(BareMachines.TIMEOUT);
      List<VmEvent> source = record(a);
      a.addListener(
          event -> {
            if (event.equals(status(MigrationStatus.DEVICE))) {
              assertThatCode(a.migration()::cancel).doesNotThrowAnyException();
            }
          });
      assertThat(machines.migrate(a, b).status()).isEqualTo(MigrationStatus.CANCELLED);
      assertThat(source)
          .filteredOn(event -> !(event instanceof VmEvent.MigrationPass))
          .containsExactly(
              status(MigrationStatus.SETUP),
              status(MigrationStatus.ACTIVE),
              new VmEvent.Stopped(),
              status(MigrationStatus.DEVICE),
              status(MigrationStatus.CANCELLING),
              new VmEvent.Resumed(),
              status(MigrationStatus.CANCELLED));
      assertThat(a.runState()).isEqualTo(RunState.RUNNING);
      assertThat(b.end().join().message()).startsWith("the guest did not arrive: ");
      console.send("count", BareMachines.TIMEOUT);
      assertThat(a.migration().capabilities())
          .containsAllEntriesOf(Map.of(MigrationCapability.EVENTS, false));
    }
  }
}
