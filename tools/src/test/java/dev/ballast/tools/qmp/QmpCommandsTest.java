package dev.ballast.tools.qmp;

import static dev.ballast.tools.qmp.RawClient.desc;
import static dev.ballast.tools.qmp.RawClient.errorClass;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.source.MigrationProgress;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.tools.vm.VmEvent;
import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the commands do to a machine, and what its events say. */
@Timeout(30)
class QmpCommandsTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();
  private final FakeMachine machine = served.machine;

  @Test
  void controlsTheMachineAndTellsEveryClient() throws IOException {
    try (RawClient one = served.negotiated();
        RawClient two = served.negotiated();
        RawClient silent = served.connect()) {
      // The second client gets events once it has an answer to anything after its negotiation.
      two.ask("{'execute':'query-name'}");
      Instant before = Instant.now();
      JsonNode event = one.ask("{'execute':'stop'}");
      assertThat(event.path("event").asText()).isEqualTo("STOP");
      Instant at =
          Instant.ofEpochSecond(
              event.at("/timestamp/seconds").asLong(),
              event.at("/timestamp/microseconds").asLong() * 1000);
      assertThat(at).isBetween(before.minusMillis(1), Instant.now());
      assertThat(one.read()).hasToString("{\"return\":{}}");
      assertThat(two.read().path("event").asText()).isEqualTo("STOP");
      assertThat(one.ask("{'execute':'query-status'}").at("/return/status").asText())
          .isEqualTo("paused");
      assertThat(two.ask("{'execute':'cont'}").path("event").asText()).isEqualTo("RESUME");
      assertThat(machine.calls).containsExactly("stop", "cont");
      assertThat(silent.read().has("QMP")).isTrue();
    }
  }

  @Test
  void saysWhyTheMachineRefuses() throws IOException {
    machine.state = RunState.POSTMIGRATE;
    try (RawClient client = served.negotiated()) {
      JsonNode answer = client.ask("{'execute':'cont'}");
      assertThat(errorClass(answer)).isEqualTo("GenericError");
      assertThat(desc(answer)).isEqualTo("the guest was migrated away");
    }
  }

  @Test
  void tellsAboutTheBalloon() throws IOException {
    machine.bitmap.set(10, 20);
    machine.bitmap.set(100, 1);
    try (RawClient client = served.negotiated()) {
      client.ask("{'execute':'balloon','arguments':{'value':500000000}}");
      assertThat(machine.calls).containsExactly("balloon 500000000");
      assertThat(client.ask("{'execute':'query-balloon'}").at("/return/actual").asLong())
          .isEqualTo(FakeMachine.MEMORY - 21 * 4096);
      assertThat(client.ask("{'execute':'query-balloon'}").at("/return/x-driver").asBoolean())
          .isTrue();
      machine.hasDriver = false;
      assertThat(client.ask("{'execute':'query-balloon'}").at("/return/x-driver").asBoolean(true))
          .isFalse();
      JsonNode bitmap = client.ask("{'execute':'x-query-balloon-bitmap'}").path("return");
      assertThat(bitmap.path("pages").asLong()).isEqualTo(21);
      assertThat(bitmap.path("runs").asLong()).isEqualTo(2);
      byte[] words = new byte[(int) (FakeMachine.MEMORY / 4096 / 8)];
      for (int page = 0; page < words.length * 8; page++) {
        words[page / 8] |= (byte) (machine.bitmap.get(page) ? 1 << page % 8 : 0);
      }
      java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
      crc.update(words);
      assertThat(bitmap.path("checksum").asText()).isEqualTo("%08x".formatted(crc.getValue()));

      machine.hasBalloon = false;
      for (String command :
          List.of(
              "{'execute':'balloon','arguments':{'value':1}}",
              "{'execute':'query-balloon'}",
              "{'execute':'x-query-balloon-bitmap'}")) {
        assertThat(errorClass(client.ask(command))).isEqualTo("DeviceNotActive");
      }
    }
  }

  @Test
  void sendsAtMostOneBalloonChangeASecondAndKeepsTheLast() throws IOException {
    try (RawClient client = served.negotiated()) {
      client.ask("{'execute':'query-name'}");
      long start = System.nanoTime();
      for (int i = 1; i <= 100; i++) {
        machine.emit(new VmEvent.BalloonChanged(i));
      }
      assertThat(client.read().at("/data/actual").asLong()).isEqualTo(1);
      assertThat(client.read().at("/data/actual").asLong()).isEqualTo(100);
      assertThat(System.nanoTime() - start).isGreaterThan(TimeUnit.MILLISECONDS.toNanos(990));
    }
  }

  @Test
  void tellsAboutMigration() throws IOException {
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'query-migrate'}")).hasToString("{\"return\":{}}");
      client.ask("{'execute':'migrate','arguments':{'uri':'unix:/x','detach':true}}");
      assertThat(client.ask("{'execute':'migrate_cancel'}")).hasToString("{\"return\":{}}");
      assertThat(machine.calls).containsExactly("migrate unix:/x", "cancel");
      machine.progress =
          new MigrationProgress(
              MigrationStatus.COMPLETED,
              Optional.empty(),
              new MigrationProgress.Times(
                  100, 5, OptionalLong.of(7), OptionalLong.of(14), OptionalLong.of(4)),
              new MigrationProgress.Ram((1 << 30) / 4096, 0, 3, 2, 9, 0, 7, 4, 6, 5),
              new MigrationProgress.Traffic(1000, 7, 8, 11, 32_768_000, 12),
              new MigrationProgress.Balloon(true, "", 11, 12, 13),
              30);
      assertThat(client.ask("{'execute':'query-migrate'}").path("return"))
          .hasToString(
              """
              {"status":"completed","total-time":100,"setup-time":5,"downtime":7,\
              "cpu-throttle-percentage":30,"ram":{"transferred":1000,"remaining":0,"total":1073741824,"duplicate":2,"normal":3,\
              "normal-bytes":12288,"dirty-pages-rate":4,"mbps":32.768,"dirty-sync-count":6,\
              "postcopy-requests":0,"page-size":4096,"multifd-bytes":11,"pages-per-second":12,\
              "precopy-bytes":7,"downtime-bytes":8,"postcopy-bytes":0,\
              "dirty-sync-missed-zero-copy":0},\
              "x-balloon":{"active":true,"pages-skipped":11,"bitmap-bytes":12,\
              "bitmap-bytes-downtime":13},"x-pages-scanned":9,"x-poisoned-pages":7,"x-verified":true,"x-verify-time":4}\
              """);
    }
  }

  /** It counts nothing, and so has no downtime to tell of. */
  @Test
  void tellsOnlyTheStatusOfAGuestThatArrives() throws IOException {
    machine.progress = MigrationProgress.IDLE.with(MigrationStatus.ACTIVE);
    String zeros =
        """
        "total-time":0,"setup-time":0,"ram":{"transferred":0,"remaining":0,"total":0,"duplicate":0,"normal":0,\
        "normal-bytes":0,"dirty-pages-rate":0,"mbps":0.0,"dirty-sync-count":0,\
        "postcopy-requests":0,"page-size":4096,"multifd-bytes":0,"pages-per-second":0,\
        "precopy-bytes":0,"downtime-bytes":0,"postcopy-bytes":0,\
        "dirty-sync-missed-zero-copy":0},\
        "x-balloon":{"active":false,"pages-skipped":0,"bitmap-bytes":0,\
        "bitmap-bytes-downtime":0},"x-pages-scanned":0}\
        """;
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'query-migrate'}").path("return"))
          .hasToString("{\"status\":\"active\"," + zeros);
      machine.progress = MigrationProgress.IDLE.with(MigrationStatus.COMPLETED);
      assertThat(client.ask("{'execute':'query-migrate'}").path("return"))
          .hasToString("{\"status\":\"completed\"," + zeros);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "unix:/run/b.mig | {\"type\":\"unix\",\"path\":\"/run/b.mig\"}",
        "tcp:host:4444 | {\"type\":\"inet\",\"host\":\"host\",\"port\":\"4444\"}",
        "tcp:[::1]:4444 | {\"type\":\"inet\",\"host\":\"::1\",\"port\":\"4444\"}",
        "tcp::4444 | {\"type\":\"inet\",\"host\":\"0.0.0.0\",\"port\":\"4444\"}",
      })
  void tellsWhereAGuestIsAwaited(String uri, String address) throws IOException {
    try (RawClient client = served.negotiated()) {
      machine.progress = MigrationProgress.IDLE.with(MigrationStatus.SETUP);
      machine.listening = Optional.of(MigrationUri.parse(uri));
      assertThat(client.ask("{'execute':'query-migrate'}").at("/return/socket-address"))
          .hasToString("[" + address + "]");
    }
  }

  @Test
  void switchesCapabilitiesAndParameters() throws IOException {
    try (RawClient client = served.negotiated()) {
      client.ask(
          "{'execute':'migrate-set-capabilities','arguments':{'capabilities':"
              + "[{'capability':'skip-balloon','state':false},{'capability':'events','state':true}]}}");
      assertThat(client.ask("{'execute':'query-migrate-capabilities'}").path("return"))
          .hasToString(
              "[{\"capability\":\"skip-balloon\",\"state\":false},"
                  + "{\"capability\":\"events\",\"state\":true},"
                  + "{\"capability\":\"multifd\",\"state\":false},"
                  + "{\"capability\":\"auto-converge\",\"state\":false},"
                  + "{\"capability\":\"x-verify\",\"state\":false}]");
      client.ask(
          "{'execute':'migrate-set-parameters','arguments':"
              + "{'max-bandwidth':1000,'max-cpu-throttle':80,'x-timeout':5000,"
              + "'multifd-compression':'zstd','multifd-zstd-level':3}}");
      assertThat(client.ask("{'execute':'query-migrate-parameters'}").path("return"))
          .hasToString(
              "{\"max-bandwidth\":1000,\"downtime-limit\":300,\"multifd-channels\":2,"
                  + "\"multifd-compression\":\"zstd\",\"multifd-zstd-level\":3,"
                  + "\"cpu-throttle-initial\":20,"
                  + "\"cpu-throttle-increment\":10,\"max-cpu-throttle\":80,"
                  + "\"x-connect-timeout\":10000,\"x-silence-timeout\":30000,\"x-timeout\":5000}");
    }
  }

  @Test
  void listsExactlyItsCommands() throws IOException {
    try (RawClient client = served.negotiated()) {
      List<String> names = new ArrayList<>();
      client
          .ask("{'execute':'query-commands'}")
          .path("return")
          .forEach(command -> names.add(command.path("name").asText()));
      assertThat(names)
          .containsExactlyInAnyOrder(
              "qmp_capabilities",
              "query-commands",
              "query-events",
              "query-qmp-schema",
              "query-uuid",
              "query-cpus",
              "query-chardev",
              "query-block",
              "query-blockstats",
              "query-block-jobs",
              "query-iothreads",
              "query-pci",
              "human-monitor-command",
              "inject-nmi",
              "stop",
              "cont",
              "quit",
              "system_reset",
              "system_powerdown",
              "query-status",
              "query-version",
              "query-name",
              "query-kvm",
              "query-cpus-fast",
              "query-memory-size-summary",
              "balloon",
              "query-balloon",
              "migrate",
              "migrate_cancel",
              "migrate-incoming",
              "query-migrate",
              "migrate-set-capabilities",
              "query-migrate-capabilities",
              "migrate-set-parameters",
              "query-migrate-parameters",
              "qom-get",
              "qom-set",
              "x-query-balloon-bitmap",
              "x-query-memory-map");
    }
  }
}
