package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.migration.channel.MigrationUri;
import dev.ballast.migration.source.MigrationStatus;
import dev.ballast.tools.qmp.QmpClient;
import dev.ballast.tools.qmp.QmpException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.StringJoiner;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code ballast status}: shows a machine's configuration and state. */
@Command(
    name = "status",
    description =
        "Shows what a machine is doing: run state, vCPUs, memory, balloon, what the guest says of its"
            + " memory while it is asked (ballast balloon --stats), migration.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  @Mixin private QmpOption qmp;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  // Picocli sets the fields.
  @SuppressWarnings("NullAway.Init")
  StatusCommand() {}

  @Override
  public Integer call() throws IOException, QmpException {
    ObjectNode status = QmpClient.arguments();
    try (QmpClient client = qmp.connect()) {
      status.setAll((ObjectNode) client.command("query-status"));
      status.setAll((ObjectNode) client.command("query-name"));
      status.put("vcpus", client.command("query-cpus-fast").size());
      status.set("memory", client.command("query-memory-size-summary").path("base-memory"));
      status.set("balloon", balloon(client));
      status.set("migration", client.command("query-migrate"));
    }
    if (json) {
      System.out.println(status.toPrettyString());
    } else {
      print(status);
    }
    return 0;
  }

  /** Returns what is known of the balloon, or null when the machine has none. */
  private static JsonNode balloon(QmpClient client) throws IOException, QmpException {
    ObjectNode balloon = QmpClient.arguments();
    try {
      balloon.setAll((ObjectNode) client.command("query-balloon"));
      balloon.setAll((ObjectNode) client.command("x-query-balloon-bitmap"));
      GuestStatistics.polled(client).ifPresent(stats -> balloon.set("guest-stats", stats));
      return balloon;
    } catch (QmpException e) {
      if (!e.errorClass().equals("DeviceNotActive")) {
        throw e;
      }
      return balloon.nullNode();
    }
  }

  private static void print(ObjectNode status) {
    long memory = status.path("memory").asLong();
    if (status.has("name")) {
      line("name", status.path("name").asText());
    }
    line("state", status.path("status").asText());
    line("vcpus", status.path("vcpus").asText());
    line("memory", Units.bytes(memory));
    JsonNode balloon = status.path("balloon");
    line(
        "balloon",
        balloon.isNull()
            ? "none"
            : Units.bytes(memory - balloon.path("actual").asLong())
                + " in it, "
                + Units.bytes(balloon.path("actual").asLong())
                + " left to the guest; "
                + Units.count(balloon.path("pages").asLong())
                + " pages in the bitmap");
    if (BalloonCommand.lacksDriver(balloon)) {
      line("", BalloonCommand.NO_DRIVER);
    }
    if (balloon.has("guest-stats")) {
      line("guest", GuestStatistics.text(balloon.path("guest-stats")));
    }
    JsonNode migration = status.path("migration");
    line("migration", migration.isEmpty() ? "none" : stage(migration));
    if (migration.has("error-desc")) {
      line("", migration.path("error-desc").asText());
    }
  }

  private static String stage(JsonNode migration) {
    String status = migration.path("status").asText();
    StringJoiner at = new StringJoiner(", ", ", waiting for a guest at ", "").setEmptyValue("");
    if (status.equals(MigrationStatus.SETUP.qmpName())) {
      migration.path("socket-address").forEach(address -> at.add(uri(address)));
    }
    return status + at;
  }

  private static String uri(JsonNode address) {
    return (address.path("type").asText().equals("unix")
            ? new MigrationUri.Unix(Path.of(address.path("path").asText()))
            : new MigrationUri.Tcp(address.path("host").asText(), address.path("port").asInt()))
        .toString();
  }

  private static void line(String name, String value) {
    System.out.printf("%-10s %s%n", name, value);
  }
}
