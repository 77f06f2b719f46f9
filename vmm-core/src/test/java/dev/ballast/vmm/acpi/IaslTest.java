package dev.ballast.vmm.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * ACPICA's compiler as an oracle: what it disassembles, it must compile to the same bytes again.
 */
class IaslTest {
  /** The creator id and revision in the header become the compiler's. */
  private static final int CREATOR_OFFSET = 28;

  private static final int HEADER_LENGTH = 36;

  private final Path directory;

  IaslTest(@TempDir Path directory) {
    this.directory = directory;
  }

  @BeforeAll
  static void iaslIsInstalled() {
    boolean found =
        Stream.of(System.getenv("PATH").split(":"))
            .anyMatch(path -> Files.isExecutable(Path.of(path, "iasl")));
    assumeTrue(found, "iasl is not installed (Debian package acpica-tools)");
  }

  @ParameterizedTest
  @CsvSource({"1, 0", "2, 1", "16, 8", "64, 40"})
  void everyTableSurvivesARoundTrip(int vcpus, int virtioDevices) throws Exception {
    AcpiConfig config =
        AcpiFixtures.config(vcpus, virtioDevices, NumaTables.halves(vcpus, 8L << 30));
    ParsedTables parsed = new ParsedTables(AcpiTables.build(config, AcpiFixtures.BASE));
    for (Map.Entry<String, byte[]> table : parsed.tables().entrySet()) {
      String name = table.getKey();
      boolean aml = name.equals("DSDT");
      Files.write(directory.resolve(name + ".dat"), table.getValue());
      iasl("-d", name + ".dat");
      String compiled = iasl("-we", "-p", name + "-again", name + ".dsl");
      assertThat(compiled).as(name).contains("successful").contains(" 0 Errors");
      if (aml) {
        assertThat(compiled).contains(" 0 Warnings, 0 Remarks");
      }
      byte[] again = Files.readAllBytes(directory.resolve(name + "-again.aml"));
      assertThat(fieldsOf(name, again)).as(name).isEqualTo(fieldsOf(name, table.getValue()));
    }
  }

  /** Leaves out what the compiler writes by itself. */
  private static String fieldsOf(String name, byte[] table) {
    byte[] fields = table.clone();
    if (!name.equals("FACS")) {
      fields[9] = 0;
      Arrays.fill(fields, CREATOR_OFFSET, HEADER_LENGTH, (byte) 0);
    }
    return HexFormat.of().formatHex(fields);
  }

  private String iasl(String... arguments) throws IOException, InterruptedException {
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(Stream.concat(Stream.of("iasl"), Stream.of(arguments)).toList())
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    String text = Files.readString(output, StandardCharsets.UTF_8);
    assertThat(ended).as(text).isTrue();
    assertThat(process.exitValue()).as("%s: %s", List.of(arguments), text).isZero();
    return text;
  }
}
