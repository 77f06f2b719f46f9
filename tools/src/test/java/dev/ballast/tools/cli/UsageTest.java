package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/** A value that no command can use is wrong usage, and is named with what would be right. */
class UsageTest {
  private static final int WRONG_USAGE = 2;

  private static String wrong(String... words) {
    StringWriter errors = new StringWriter();
    CommandLine command = Ballast.commandLine().setErr(new PrintWriter(errors, true));
    assertThat(command.execute(words)).as(String.join(" ", words)).isEqualTo(WRONG_USAGE);
    return errors.toString();
  }

  private static String wrongLine(String line) {
    return wrong(line.split(" "));
  }

  private static List<ArgSpec> arguments() {
    List<ArgSpec> all = new ArrayList<>();
    Ballast.commandLine()
        .getSubcommands()
        .values()
        .forEach(command -> all.addAll(command.getCommandSpec().args()));
    return all;
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "run --cpus 0                                         | 1 to 4096     | --cpus 2",
        "run --cpus 4097                                        | 1 to 4096     | --cpus 2",
        "run --cpus two                                       | 1 to 4096     | --cpus 2",
        "migrate --qmp unix:/x unix:/y --multifd 0            | 1 to 64     | --multifd 4",
        "migrate --qmp unix:/x unix:/y --multifd 65           | 1 to 64     | --multifd 4",
        "migrate --qmp unix:/x unix:/y --downtime-limit -1    | 0 to 2000000| --downtime-limit 300",
        "migrate --qmp unix:/x unix:/y --downtime-limit 2000001 | 0 to 2000000| --downtime-limit 300",
        "migrate --qmp unix:/x unix:/y --timeout -1           | 0 to 86400  | --timeout 60",
        "migrate --qmp unix:/x unix:/y --connect-timeout 0    | 1 to 86400  | --connect-timeout 10",
        "migrate --qmp unix:/x unix:/y --silence-timeout 86401| 1 to 86400  | --silence-timeout 30",
        "balloon --qmp unix:/x 1G --stats -5                  | 0 to 4294967295 | --stats 5",
        "balloon --qmp unix:/x 1G --wait -1                   | 0 to 86400  | --wait 30",
        "balloon --qmp unix:/x 1G --wait 9223372036854775807  | 0 to 86400  | --wait 30",
        "bench --list --repeat 0                              | 1 to 100    | --repeat 3",
        "lab --cpus 65 -- true                                | 1 to 64     | --cpus 2",
        "lab --timeout 0 -- true                              | 1 to 604800 | --timeout 600",
        "aot-training --hops -1                               | 0 to 1000   | --hops 4",
      })
  void aNumberOutOfRangeIsNamedWithItsLimits(String line, String limits, String example) {
    String option = example.substring(0, example.indexOf(' '));
    String value =
        Arrays.asList(line.split(" ")).get(Arrays.asList(line.split(" ")).indexOf(option) + 1);
    assertThat(wrongLine(line)).contains("'" + option + "'", "'" + value + "'", limits, example);
  }

  @Test
  void everyNumberHasLimits() {
    for (ArgSpec argument : arguments()) {
      Class<?> type = argument.type();
      if (type == int.class || type == long.class || Number.class.isAssignableFrom(type)) {
        String name = ((OptionSpec) argument).longestName();
        String command = argument.command().name();
        List<String> line = new ArrayList<>(List.of(command, name + "=-1"));
        if (!command.equals("bench") && !command.equals("run")) {
          line.addAll(List.of("x", "y"));
        }
        assertThat(wrong(line.toArray(String[]::new))).contains("'" + name + "'", "'-1'", " to ");
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "run --memory 1                   | '1' is 1 MiB      | at least 64M | --memory 512M",
        "run --memory 63M                 | '63M' is 63 MiB   | at least 64M | --memory 512M",
        "run --memory 65M                 | '65M' is 65 MiB   | multiple of 2M | --memory 66M",
        "run --memory 1536M,hugepages=1G  | '1536M' is 1.5 GiB | multiple of 1G | --memory 2G,hugepages=1G",
        "lab --memory 1M -- true          | '1M' is 1 MiB     | 512M to 1T   | --memory 3G",
        "lab --memory 2T -- true          | '2T' is 2 TiB     | 512M to 1T   | --memory 3G",
      })
  void aSizeOutOfRangeIsNamedWithItsLimits(
      String line, String value, String limits, String example) {
    assertThat(wrongLine(line)).contains("'--memory'", value, limits, example);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "run --clock wall              | '--clock'           | hold, realtime",
        "run --clock Hold-             | '--clock'           | hold, realtime",
        "run --on-panic die            | '--on-panic'        | fail, poweroff, stop, reset, continue",
        "run --on-triple-fault panic   | '--on-triple-fault' | reset, stop, fail",
        "run --kernel-mode zimage      | '--kernel-mode'     | auto, bzimage, elf",
        "migrate --qmp unix:/x unix:/y --compress gzip  | '--compress' | none, lz4, zstd",
        "lab true --cpu arm            | '--cpu'             | amd, intel",
      })
  void aWordThatIsNoneOfTheOptionsWordsIsToldThem(String line, String option, String words) {
    String typed = line.substring(line.lastIndexOf(' ') + 1);
    assertThat(wrongLine(line)).contains(option, "'" + typed + "' is none of " + words);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--numa cpus=0                              | 'cpus=0' is no node",
        "--numa node,cpus=0,size=1G                 | 'size' is none of cpus, memory, host-nodes, policy",
        "--numa node,cpus=0                         | memory is missing",
        "--numa node,cpus=3-1,memory=512M           | '3-1' is neither a number nor a range",
        "--numa node,cpus=,memory=512M              | 'cpus' is to be cpus=0-3",
        "--numa node,memory=4X                      | '4X' is not a size",
        "--numa node,memory=512M,policy=bind        | policy goes with host-nodes",
        "--numa node,memory=512M,host-nodes=0,policy=near | 'near' is none of bind, preferred, interleave",
        "--numa node,memory=512M,host-nodes=0-1,policy=preferred | one can be preferred",
        "--numa node,memory=512M,host-nodes=5000    | expected 0 to 1023",
        "--numa node,memory=512M,host-nodes=999     | 999 is no node of this host with memory",
        "--numa node,memory=512M                    | vCPU 0 is in no NUMA node",
        "--numa node,cpus=0,memory=256M             | NUMA nodes have 256 MiB together",
        "--numa node,cpus=0-1,memory=512M           | names vCPU 0-1; there are 0 to 0",
        "--numa node,cpus=0,memory=511M --numa node,memory=1M | must be a multiple of 2 MiB",
        "--vcpu-affinity 0                          | '0' says no vCPUs and host CPUs",
        "--vcpu-affinity 0=x                        | 'x' is neither a number nor a range",
        "--vcpu-affinity 1=0                        | names vCPU 1; there are 0 to 0",
        "--vcpu-affinity 0=0,0=9000                 | host CPU 9000 is not online; online are ",
      })
  void aPlaceThatCannotBeIsNamed(String options, String message) {
    assertThat(wrongLine("run --incoming defer --qmp unix:/tmp/none " + options)).contains(message);
  }

  /** Bochs emulates one CPU, and not as much memory as QEMU. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lab --cpu intel --cpus 2 -- true    | 2 Intel CPUs: Bochs emulates 1 to 1",
        "lab --cpu intel --memory 3G -- true | 3072 MiB of memory with an Intel CPU: with Bochs it has 512 to",
      })
  void whatAnIntelLabCannotHaveIsRefused(String line, String reason) {
    assertThat(wrongLine(line)).contains("the lab cannot have " + reason);
  }

  @Test
  void completionOffersWordsAsTheyAreTyped() {
    String script = AutoComplete.bash("ballast", Ballast.commandLine());
    assertThat(script).contains("\"hold\" \"realtime\"", "\"poweroff\"", "\"bzimage\"");
    for (ArgSpec argument : arguments()) {
      if (argument.type().isEnum()) {
        assertThat(argument.completionCandidates())
            .as(argument.paramLabel())
            .allMatch(word -> word.equals(word.toLowerCase(java.util.Locale.ROOT)));
      }
    }
  }

  private static CommandLine subcommand(CommandLine line, String name) {
    return Objects.requireNonNull(line.getSubcommands().get(name), name);
  }

  /** QEMU's users write it in either case. */
  @Test
  void wordsAreTakenInEitherCase() {
    CommandLine line = Ballast.commandLine();
    line.parseArgs("run", "--clock", "REALTIME", "--on-panic", "Reset", "--kernel-mode=elf");
    assertThat(subcommand(line, "run").getParseResult().<Object>matchedOptionValue("--clock", null))
        .hasToString("REALTIME");
  }

  @ParameterizedTest
  @CsvSource({"--serial", "--console"})
  void theNameThatWasTypedIsNamed(String name) {
    assertThat(wrong("run", name, "foo"))
        .contains("'" + name + "'", "'foo' is none of stdio")
        .doesNotContain(name.equals("--serial") ? "--console" : "--serial");
    assertThat(wrong("run", name + "=foo")).contains("'" + name + "'");
  }

  /** What is the name of an option elsewhere is just a word here. */
  @Test
  void aWordThatIsNoCommandIsNamed() {
    assertThat(wrong("serial", "foo")).contains("'serial'").doesNotContain("--console");
  }

  @Test
  void theEndByCtrlCIsDocumented() {
    for (String name : List.of("migrate", "run")) {
      CommandLine command = subcommand(Ballast.commandLine(), name);
      assertThat(command.getUsageMessage()).as(name).contains("130");
    }
    assertThat(Ballast.commandLine().getUsageMessage()).contains("130");
  }

  @Test
  void whatTheDestinationDecidesItselfIsDocumented() {
    String help = subcommand(Ballast.commandLine(), "run").getUsageMessage();
    assertThat(help.replaceAll("\\s+", " ")).contains("a destination has its own");
  }
}
