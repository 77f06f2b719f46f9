package dev.ballast.tools.qmp;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.tools.Version;
import dev.ballast.tools.vm.VirtualMachine;
import dev.ballast.tools.vm.VmException;
import dev.ballast.vmm.machine.RunState;
import dev.ballast.vmm.memory.RamBlock;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The topics of {@code info}, answered in the form of QEMU 7.2; lines end with a line feed. */
enum HumanInfo {
  BALLOON("show balloon information"),
  CHARDEV("show the character devices"),
  CPUS("show infos for each CPU"),
  KVM("show KVM information"),
  MIGRATE("show migration status"),
  NAME("show the current VM name"),
  REGISTERS("show the cpu registers"),
  STATUS("show the current VM status (running|paused)"),
  UUID("show the current VM UUID"),
  VERSION("show the version of QEMU");

  private static final int KIB = 1 << 10;
  private static final int MIB = 1 << 20;

  private final String help;

  HumanInfo(String help) {
    this.help = help;
  }

  private String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Returns the topic of a name; null if there is none. */
  static @Nullable HumanInfo of(String word) {
    return Stream.of(values()).filter(info -> info.word().equals(word)).findFirst().orElse(null);
  }

  /** Returns the list of topics. */
  static String help() {
    return Stream.of(values())
        .map(info -> "info " + info.word() + "  -- " + info.help + "\n")
        .collect(Collectors.joining());
  }

  /**
   * Returns the answer.
   *
   * @param vcpu the current vCPU, as set by {@code cpu} in QEMU's monitor
   */
  String text(VirtualMachine vm, int vcpu) throws VmException {
    return switch (this) {
      case BALLOON ->
          vm.balloon()
              .map(balloon -> "balloon: actual=" + balloon.actualBytes() / MIB + "\n")
              .orElse("Error: No balloon device has been activated\n");
      case CHARDEV -> "serial0: filename=" + vm.serialFilename() + "\n";
      case CPUS -> vcpus(vm.vcpus(), vcpu);
      case KVM -> "kvm support: enabled\n";
      case MIGRATE -> migration(vm.migration().progress(), vm.migration().listening());
      case NAME -> vm.name().isEmpty() ? "" : vm.name() + "\n";
      case REGISTERS -> RegisterText.of(List.of(vm.vcpuSnapshots().get(vcpu)));
      case STATUS -> status(vm.runState());
      case UUID -> vm.uuid() + "\n";
      case VERSION ->
          "%d.%d.%d (ballast-%s)%n"
              .formatted(
                  Version.CURRENT.number(0),
                  Version.CURRENT.number(1),
                  Version.CURRENT.number(2),
                  Version.CURRENT.text());
    };
  }

  private static String vcpus(List<VirtualMachine.Vcpu> vcpus, int current) {
    return vcpus.stream()
        .map(
            vcpu ->
                "%s CPU #%d: thread_id=%d%n"
                    .formatted(vcpu.index() == current ? "*" : " ", vcpu.index(), vcpu.threadId()))
        .collect(Collectors.joining());
  }

  private static String status(RunState state) {
    return switch (state) {
      case RUNNING -> "VM status: running\n";
      case PAUSED -> "VM status: paused\n";
      case PRELAUNCH,
          INMIGRATE,
          FINISH_MIGRATE,
          POSTMIGRATE,
          SHUTDOWN,
          GUEST_PANICKED,
          INTERNAL_ERROR ->
          "VM status: paused (" + state.qmpName() + ")\n";
    };
  }

  private static String migration(MigrationProgress progress, Optional<MigrationUri> listening) {
    MigrationStatus status = progress.status();
    if (status == MigrationStatus.NONE) {
      return "";
    }
    MigrationProgress.Times times = progress.times();
    StringBuilder text = new StringBuilder("Migration status: " + status.qmpName());
    progress.error().ifPresent(error -> text.append(" (").append(error).append(')'));
    listening.ifPresent(uri -> text.append("\nsocket address: [\n\t").append(uri).append("\n]"));
    text.append("\ntotal time: ").append(times.total()).append(" ms\n");
    if (status == MigrationStatus.COMPLETED) {
      times
          .downtime()
          .ifPresent(millis -> text.append("downtime: ").append(millis).append(" ms\n"));
    } else {
      times
          .expectedDowntime()
          .ifPresent(millis -> text.append("expected downtime: ").append(millis).append(" ms\n"));
    }
    MigrationProgress.Ram ram = progress.ram();
    MigrationProgress.Traffic traffic = progress.traffic();
    return text.append(
            String.format(
                Locale.ROOT,
                """
                setup: %d ms
                transferred ram: %d kbytes
                throughput: %.2f mbps
                remaining ram: %d kbytes
                total ram: %d kbytes
                duplicate: %d pages
                skipped: 0 pages
                normal: %d pages
                normal bytes: %d kbytes
                dirty sync count: %d
                page size: %d kbytes
                multifd bytes: %d kbytes
                pages-per-second: %d
                """,
                times.setup(),
                traffic.transferred() / KIB,
                traffic.bitsPerSecond() / 1e6,
                ram.remaining() * RamBlock.PAGE_SIZE / KIB,
                ram.total() * RamBlock.PAGE_SIZE / KIB,
                ram.zero(),
                ram.normal(),
                ram.normal() * RamBlock.PAGE_SIZE / KIB,
                ram.dirtySyncs(),
                RamBlock.PAGE_SIZE / KIB,
                traffic.streams() / KIB,
                traffic.pagesPerSecond()))
        .append(
            progress.throttlePercentage() > 0
                ? "cpu throttle percentage: " + progress.throttlePercentage() + "\n"
                : "")
        .toString();
  }
}
