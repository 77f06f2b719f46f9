package dev.ballast.tools.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.tools.demo.Demo;
import dev.ballast.tools.demo.DemoPlan;
import dev.ballast.tools.lab.LabCpu;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ballast demo}: the whole story in one command. */
@Command(
    name = "demo",
    description = {
      "Boots a Linux guest, takes 600 MiB of its 1 GiB back, and moves it through four processes,"
          + " with and without skip-balloon.",
      "Runs on hardware KVM where there is one, else in the lab; installs what is missing if it"
          + " may."
    },
    footer = {"", "Example: ballast demo --json demo.json"},
    mixinStandardHelpOptions = true)
final class DemoCommand implements Callable<Integer> {
  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write all figures to a file as well.")
  private @Nullable Path json;

  @Option(
      names = "--quick",
      description = "A smaller guest, and skip-balloon on only: about two minutes.")
  private boolean quick;

  @Option(names = "--soak", hidden = true, description = "Very many migrations: a test.")
  private boolean soak;

  @Option(
      names = "--guest",
      hidden = true,
      paramLabel = "DIR",
      description = "A directory with the guest's files kernel and initramfs: set inside the lab.")
  private @Nullable Path guest;

  @Override
  public Integer call() throws IOException, InterruptedException {
    DemoPlan plan = soak ? DemoPlan.SOAK : quick ? DemoPlan.QUICK : DemoPlan.WHOLE;
    Demo demo = new Demo(System.out, plan, LabCpu.AMD);
    ObjectNode report = guest == null ? demo.run() : demo.inLab(guest);
    if (json != null) {
      new ObjectMapper()
          .enable(SerializationFeature.INDENT_OUTPUT)
          .writeValue(json.toFile(), report);
    }
    return 0;
  }
}
