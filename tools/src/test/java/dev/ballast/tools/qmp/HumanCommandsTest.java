package dev.ballast.tools.qmp;

import static dev.ballast.tools.qmp.RawClient.desc;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.tools.Version;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The monitor for people, whose text some clients take apart. */
@Timeout(30)
class HumanCommandsTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();

  /** Returns the answer, whose line ends are those of a terminal. */
  private String human(String line) throws IOException {
    try (RawClient client = served.negotiated()) {
      String text =
          client
              .ask(
                  "{'execute':'human-monitor-command','arguments':{'command-line':'" + line + "'}}")
              .path("return")
              .asText();
      assertThat(text.replace("\r\n", "")).doesNotContain("\n", "\r");
      return text.replace("\r\n", "\n");
    }
  }

  @Test
  void saysHowTheMachineIs() throws IOException {
    assertThat(human("info status")).isEqualTo("VM status: running\n");
    served.machine.state = RunState.PAUSED;
    assertThat(human("  info   status ")).isEqualTo("VM status: paused\n");
    served.machine.state = RunState.POSTMIGRATE;
    assertThat(human("info status")).isEqualTo("VM status: paused (postmigrate)\n");
    assertThat(human("info name")).isEqualTo("fake\n");
    assertThat(human("info uuid")).isEqualTo("00000000-0000-0000-0000-000000000000\n");
    assertThat(human("info kvm")).isEqualTo("kvm support: enabled\n");
    assertThat(human("info chardev")).isEqualTo("serial0: filename=pty:/dev/pts/7\n");
    assertThat(human("info version"))
        .startsWith(Version.CURRENT.number(0) + "." + Version.CURRENT.number(1) + ".")
        .endsWith("(ballast-" + Version.CURRENT.text() + ")\n");
  }

  @Test
  void saysHowLargeTheGuestIs() throws IOException {
    served.machine.bitmap.set(0, 256);
    assertThat(human("info balloon")).isEqualTo("balloon: actual=1023\n");
    served.machine.hasBalloon = false;
    assertThat(human("info balloon")).isEqualTo("Error: No balloon device has been activated\n");
  }

  @Test
  void saysHowTheMigrationIs() throws IOException {
    assertThat(human("info migrate")).isEmpty();
    served.machine.progress =
        new MigrationProgress(
            MigrationStatus.FAILED,
            Optional.of("a reason"),
            new MigrationProgress.Times(
                100, 5, OptionalLong.of(7), OptionalLong.of(14), OptionalLong.empty()),
            new MigrationProgress.Ram((1 << 30) / 4096, 0, 3, 2, 9, 0, 7, 4, 6, 5),
            new MigrationProgress.Traffic(2048, 7, 8, 1024, 32_768_000, 12),
            new MigrationProgress.Balloon(true, "", 11, 12, 13),
            30);
    assertThat(human("info migrate"))
        .isEqualTo(
            """
            Migration status: failed (a reason)
            total time: 100 ms
            expected downtime: 14 ms
            setup: 5 ms
            transferred ram: 2 kbytes
            throughput: 32.77 mbps
            remaining ram: 0 kbytes
            total ram: 1048576 kbytes
            duplicate: 2 pages
            skipped: 0 pages
            normal: 3 pages
            normal bytes: 12 kbytes
            dirty sync count: 6
            page size: 4 kbytes
            multifd bytes: 1 kbytes
            pages-per-second: 12
            cpu throttle percentage: 30
            """);
    served.machine.progress = served.machine.progress.with(MigrationStatus.COMPLETED);
    assertThat(human("info migrate"))
        .contains("total time: 100 ms\ndowntime: 7 ms\nsetup: 5 ms\n")
        .doesNotContain("expected downtime");
    served.machine.progress = MigrationProgress.IDLE.with(MigrationStatus.ACTIVE);
    served.machine.listening = Optional.of(new MigrationUri.Tcp("127.0.0.1", 4444));
    assertThat(human("info migrate"))
        .startsWith(
            """
            Migration status: active
            socket address: [
            	tcp:127.0.0.1:4444
            ]
            total time: 0 ms
            setup: 0 ms
            """);
  }

  @Test
  void saysHowVcpusAre() throws IOException {
    assertThat(human("info cpus")).isEqualTo("* CPU #0: thread_id=100\n  CPU #1: thread_id=101\n");
    served.machine.snapshots = Snapshots.two();
    String first =
        """

        CPU#0
        RAX=1111222233334444 RBX=0000000000000002 RCX=0000000000000003 RDX=0000000000000004
        RSI=0000000000000005 RDI=0000000000000006 RBP=0000000000000007 RSP=0000000000000008
        R8 =0000000000000009 R9 =000000000000000a R10=000000000000000b R11=000000000000000c
        R12=000000000000000d R13=000000000000000e R14=000000000000000f R15=0000000000000010
        RIP=ffffffff81000000 RFL=00000246 [---Z-P-] CPL=0 A20=1 HLT=0
        ES =0000 0000000000000000 00000000 00000000
        CS =0010 0000000000000000 ffffffff 00a09b00
        SS =0000 0000000000000000 00000000 00000000
        DS =0018 0000000000000000 ffffffff 00c0f300
        FS =0000 0000000000000000 00000000 00000000
        GS =0000 0000000000000000 00000000 00000000
        LDT=0000 0000000000000000 00000000 00000000
        TR =0040 fffffe0000003000 0000206f 00008b00
        GDT=     fffffe0000001000 0000007f
        IDT=     0000000000000000 00000000
        CR0=80050033 CR2=0000000000000011 CR3=0000000000000012 CR4=000006b0
        EFER=0000000000000d01
        """;
    String second =
        """

        CPU#1
        EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000000
        ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000
        EIP=0000fff0 EFL=00000c02 [DO-----] CPL=0 A20=1 HLT=1
        ES =0000 00000000 00000000 00000000
        CS =f000 000f0000 0000ffff 00009b00
        SS =0000 00000000 00000000 00000000
        DS =0000 00000000 00000000 00000000
        FS =0000 00000000 00000000 00000000
        GS =0000 00000000 00000000 00000000
        LDT=0000 00000000 00000000 00000000
        TR =0000 00000000 00000000 00000000
        GDT=     00000000 00000000
        IDT=     00000000 00000000
        CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
        EFER=0000000000000000
        """;
    assertThat(human("info registers")).isEqualTo(first);
    assertThat(human("info registers -a")).isEqualTo(first + second);
  }

  @Test
  void aVcpuMayBeNamed() throws IOException {
    String line =
        "{'execute':'human-monitor-command','arguments':{'command-line':'info cpus','cpu-index':%d}}";
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask(line.formatted(1)).path("return").asText())
          .isEqualTo("  CPU #0: thread_id=100\r\n* CPU #1: thread_id=101\r\n");
      for (int wrong : new int[] {2, -1}) {
        assertThat(desc(client.ask(line.formatted(wrong))))
            .isEqualTo("Parameter 'cpu-index' expects a CPU number");
      }
    }
  }

  @Test
  void aWrongLineIsAnsweredInWords() throws IOException {
    assertThat(human("")).isEmpty();
    assertThat(human("nonsense x")).isEqualTo("unknown command: 'nonsense'\n");
    assertThat(human("info nonsense")).isEqualTo("unknown command: 'info nonsense'\n");
    assertThat(human("info status extra"))
        .isEqualTo(
            """
            status: extraneous characters at the end of line
            Try "help info status" for more information
            """);
    assertThat(human("info"))
        .startsWith("info balloon  -- show balloon information\n")
        .contains("info registers  -- show the cpu registers\n");
    assertThat(served.machine.calls).isEmpty();
  }
}
