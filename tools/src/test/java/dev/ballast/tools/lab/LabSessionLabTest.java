package dev.ballast.tools.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A lab that is up: what commands find there, and what reaches them and comes back. */
@Tag("lab")
class LabSessionLabTest {
  /**
   * More than any buffer between here and there has room for; a serial port takes long for that.
   */
  private static final int INPUT_BYTES = LabUnderTest.cpu() == LabCpu.AMD ? 1_000_000 : 10_000;

  @TempDir private static Path directory;
  private static Path first;
  private static Path second;
  private static LabSession lab;

  @BeforeAll
  static void boot() throws IOException {
    LabUnderTest.assumeInstalled();
    first = Files.createDirectory(directory.resolve("first"));
    second = Files.createDirectory(directory.resolve("second"));
    Files.write(first.resolve("file"), random(3 << 20));
    Files.writeString(second.resolve("file"), "another\n");
    lab =
        LabSession.boot(
            LabOptions.defaults(LabUnderTest.cpu())
                .withCopyIn(List.of(first, second))
                .withProgress(System.out::println));
  }

  @AfterAll
  static void stop() throws IOException {
    if (lab != null) {
      lab.close();
    }
  }

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private static String md5(byte[] bytes) throws Exception {
    return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
  }

  /** Runs a shell script and returns what it wrote. */
  private static String sh(String script) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    int exitCode = lab.exec(List.of("sh", "-c", script), out, errors);
    assertThat(exitCode).as(errors.toString(StandardCharsets.UTF_8)).isZero();
    return out.toString(StandardCharsets.UTF_8);
  }

  /** KVM runs guests' clocks otherwise where the TSC is not stable: no hardware of today is so. */
  @Test
  void levelOneTrustsItsTsc() throws IOException {
    assertThat(sh("cat /sys/devices/system/clocksource/clocksource0/current_clocksource"))
        .isEqualTo("tsc\n");
    assertThat(sh("dmesg | grep -i 'marking tsc unstable' || true")).isEmpty();
  }

  @Test
  void doctorFindsACompleteKvmOfTheMaker() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    lab.exec(List.of("ballast", "doctor", "--json"), out, System.err);
    JsonNode report = new ObjectMapper().readTree(out.toByteArray());
    assertThat(report.at("/host/kvm").asText()).isEqualTo("hardware");
    assertThat(report.at("/host/mode").asText()).isEqualTo("direct");
    assertThat(report.at("/host/missing_capabilities")).isEmpty();
    assertThat(report.at("/findings"))
        .filteredOn(finding -> finding.path("name").asText().equals("processor"))
        .first()
        .asString()
        .contains(LabUnderTest.cpu().title());
  }

  @Test
  void outputErrorsAndExitCodeAreTheCommands() throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream errors = new ByteArrayOutputStream();
    int exitCode =
        lab.exec(
            List.of("sh", "-c", "printf 'a\\0b'; echo \"$0\" >&2; exit 7", "it's"), out, errors);
    assertThat(exitCode).isEqualTo(7);
    assertThat(out.toByteArray()).isEqualTo(new byte[] {'a', 0, 'b'});
    assertThat(errors.toString(StandardCharsets.UTF_8)).isEqualTo("it's\n");
    assertThat(lab.exec(List.of("no-such-command"), out, errors)).isEqualTo(127);
  }

  /** While nobody reads, too. */
  @Test
  void inputArrivesWholeAndEnds() throws Exception {
    byte[] input = random(INPUT_BYTES);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int exitCode =
        lab.exec(
            List.of("sh", "-c", "sleep 3; md5sum"),
            new ByteArrayInputStream(input),
            out,
            OutputStream.nullOutputStream());
    assertThat(exitCode).isZero();
    assertThat(out.toString(StandardCharsets.UTF_8)).startsWith(md5(input));
  }

  @Test
  void directoriesAreCopiedIn() throws Exception {
    assertThat(sh("cat /in/second/file")).isEqualTo("another\n");
    assertThat(sh("md5sum < /in/first/file"))
        .startsWith(md5(Files.readAllBytes(first.resolve("file"))));
    assertThat(
            lab.exec(List.of("touch", "/in/first/x"), System.out, OutputStream.nullOutputStream()))
        .as("read-only")
        .isNotZero();
  }

  @Test
  void aPanicOfLevelOneIsToldWithItsLastWords() throws IOException {
    try (LabSession other = LabSession.boot(LabOptions.defaults(LabUnderTest.cpu()))) {
      assertThatThrownBy(
              () ->
                  other.exec(
                      List.of("sh", "-c", "echo c > /proc/sysrq-trigger"),
                      OutputStream.nullOutputStream(),
                      OutputStream.nullOutputStream()))
          .isInstanceOf(LabException.class)
          .hasMessageContaining("the lab died; its last words:")
          .hasMessageContaining("RIP:");
    }
  }

  @Test
  void whatIsPutIntoOutComesBackEachTime() throws IOException {
    Path into = directory.resolve("back");
    sh("rm -rf $BALLAST_OUT/*; mkdir -p $BALLAST_OUT/d; cp /in/first/file $BALLAST_OUT/d/large");
    lab.collect(into);
    assertThat(into.resolve("d/large")).hasSameBinaryContentAs(first.resolve("file"));

    sh("rm -rf $BALLAST_OUT/*; echo less > $BALLAST_OUT/small");
    Path again = directory.resolve("again");
    lab.collect(again);
    assertThat(again).isDirectoryNotContaining(path -> !path.endsWith("small"));
    assertThat(again.resolve("small")).hasContent("less");
  }
}
