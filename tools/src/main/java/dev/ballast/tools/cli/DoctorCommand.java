package dev.ballast.tools.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.host.Finding;
import dev.ballast.tools.host.HostCpuJson;
import dev.ballast.tools.host.HostReport;
import dev.ballast.tools.host.KvmProbe;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code ballast doctor}: what this host can run, and what to do about the rest. */
@Command(
    name = "doctor",
    description = {
      "Tells what this host can run and what to do about the rest. Finds out about KVM by running"
          + " a few instructions on it."
    },
    footer = {
      "",
      "Exit code: 0 if Linux guests can be run, on the host's KVM or in the lab; 1 if not."
    },
    mixinStandardHelpOptions = true)
public final class DoctorCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  @Option(names = "--json", description = "Print the report as one JSON object.")
  private boolean json;

  /** For picocli, which sets the fields. */
  @SuppressWarnings("NullAway.Init")
  DoctorCommand() {}

  @Override
  public Integer call() throws JsonProcessingException {
    HostReport report = HostReport.examine();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      DefaultPrettyPrinter lines = new DefaultPrettyPrinter();
      lines.indentArraysWith(DefaultIndenter.SYSTEM_LINEFEED_INSTANCE);
      out.println(new JsonMapper().writer(lines).writeValueAsString(toJson(report)));
    } else {
      print(report, out);
    }
    out.flush();
    return report.mode() == HostReport.Mode.NOWHERE ? 1 : 0;
  }

  private static void print(HostReport report, PrintWriter out) {
    for (Finding finding : report.findings()) {
      String colour =
          switch (finding.level()) {
            case OK -> "green";
            case WARN -> "yellow";
            case FAIL -> "red,bold";
          };
      String level = String.format(Locale.ROOT, "%-4s", finding.level().label());
      // Only the level is markup: a summary may hold any character.
      out.println(
          Ansi.AUTO.string("@|" + colour + " " + level + "|@")
              + "  "
              + finding.name()
              + ": "
              + finding.summary());
      finding.wayOut().ifPresent(wayOut -> out.println("      → " + wayOut));
    }
    out.println();
    out.println(
        switch (report.mode()) {
          case DIRECT -> "Linux guests run directly on this host.";
          case LAB -> "Linux guests run in the lab on this host.";
          case NOWHERE -> "Linux guests cannot run on this host yet.";
        });
  }

  static ObjectNode toJson(HostReport report) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    KvmProbe kvm = report.kvm();
    ObjectNode host = root.putObject("host");
    host.put("kvm", kvm.kind().label());
    host.put("mode", report.mode().label());
    host.put("evidence", kvm.evidence());
    host.put("ring0_instructions_per_second", kvm.ring0InstructionsPerSecond());
    ArrayNode missing = host.putArray("missing_capabilities");
    kvm.missingCapabilities().forEach(capability -> missing.add(capability.name()));
    report.cpu().ifPresent(cpu -> root.set("cpu", HostCpuJson.toJson(cpu)));
    ArrayNode findings = root.putArray("findings");
    for (Finding finding : report.findings()) {
      ObjectNode node = findings.addObject();
      node.put("name", finding.name());
      node.put("level", finding.level().label());
      node.put("summary", finding.summary());
      finding.wayOut().ifPresent(wayOut -> node.put("way_out", wayOut));
    }
    return root;
  }
}
