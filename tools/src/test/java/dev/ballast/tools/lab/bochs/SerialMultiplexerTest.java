package dev.ballast.tools.lab.bochs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.tools.host.LabPackages;
import dev.ballast.tools.lab.bochs.SerialMultiplexer.Channel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Both sides, with a terminal of this host as the serial port. */
@Timeout(60)
class SerialMultiplexerTest {
  private static final List<String> PIPES =
      List.of("control.in", "stdin", "control.out", "stdout", "stderr");

  @TempDir private Path directory;
  private Process program;
  private SerialMultiplexer host;

  /** What level 1's init has open, in the order of {@link #PIPES}. */
  private InputStream controlIn;

  private InputStream standardIn;
  private OutputStream controlOut;
  private OutputStream standardOut;
  private OutputStream standardError;

  @BeforeEach
  void start() throws Exception {
    assumeTrue(LabPackages.find("script").isPresent(), "needs script(1)");
    Path file = Files.write(directory.resolve("multiplexer"), SerialMultiplexer.program());
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    for (String pipe : PIPES) {
      int status =
          new ProcessBuilder("mkfifo", directory.resolve(pipe).toString()).start().waitFor();
      assertThat(status).isZero();
    }
    program =
        new ProcessBuilder(
                "script", "-q", "-f", "-e", "-c", "exec ./multiplexer /dev/tty .", "/dev/null")
            .directory(directory.toFile())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    controlIn = Files.newInputStream(directory.resolve(PIPES.get(0)));
    standardIn = Files.newInputStream(directory.resolve(PIPES.get(1)));
    controlOut = Files.newOutputStream(directory.resolve(PIPES.get(2)));
    standardOut = Files.newOutputStream(directory.resolve(PIPES.get(3)));
    standardError = Files.newOutputStream(directory.resolve(PIPES.get(4)));
    host = SerialMultiplexer.start(program.getInputStream(), program.getOutputStream());
  }

  @AfterEach
  void stop() throws IOException {
    if (program != null) {
      program.descendants().forEach(ProcessHandle::destroyForcibly);
      program.destroyForcibly();
      for (AutoCloseable end : List.of(controlIn, standardIn, controlOut, standardOut)) {
        closeQuietly(end);
      }
      closeQuietly(standardError);
    }
  }

  private static void closeQuietly(AutoCloseable end) {
    try {
      end.close();
    } catch (Exception _) {
      // The other side is gone.
    }
  }

  private static byte[] random(int size) {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return bytes;
  }

  private static FutureTask<Void> write(OutputStream to, byte[] bytes, boolean close) {
    FutureTask<Void> task =
        new FutureTask<>(
            () -> {
              to.write(bytes);
              if (close) {
                to.close();
              }
              return null;
            });
    Thread.ofPlatform().daemon().start(task);
    return task;
  }

  private FutureTask<byte[]> read(Channel channel, int count) {
    FutureTask<byte[]> task = new FutureTask<>(() -> host.input(channel).readNBytes(count));
    Thread.ofPlatform().daemon().start(task);
    return task;
  }

  @Test
  void everyByteComesByItsOwnChannel() throws Exception {
    byte[] out = random(200_000);
    byte[] errors = random(100_000);
    FutureTask<Void> writingOut = write(standardOut, out, false);
    FutureTask<Void> writingErrors = write(standardError, errors, false);
    FutureTask<byte[]> readingErrors = read(Channel.STDERR, errors.length);
    FutureTask<byte[]> readingOut = read(Channel.STDOUT, out.length);
    byte[] answer = "answer\n".getBytes(StandardCharsets.US_ASCII);
    write(controlOut, answer, false).get();

    assertThat(host.input(Channel.CONTROL).readNBytes(answer.length)).isEqualTo(answer);
    assertThat(readingOut.get()).isEqualTo(out);
    assertThat(readingErrors.get()).isEqualTo(errors);
    writingOut.get();
    writingErrors.get();

    byte[] request = random(10_000);
    host.output(Channel.CONTROL).write(request);
    assertThat(controlIn.readNBytes(request.length)).isEqualTo(request);
  }

  /** What is on its way while nobody reads is bounded, and holds up nothing else. */
  @Test
  void standardInputWaitsForItsReaderAndEnds() throws Exception {
    byte[] in = random(300_000);
    FutureTask<Void> writing = write(host.output(Channel.STDIN), in, true);
    byte[] out = random(10_000);
    write(standardOut, out, false).get();
    assertThat(host.input(Channel.STDOUT).readNBytes(out.length)).isEqualTo(out);
    assertThat(writing.isDone()).as("a pipe and the window have no room for it").isFalse();

    assertThat(standardIn.readAllBytes()).isEqualTo(in);
    writing.get();
  }

  @Test
  void allEndsWithTheSerialPort() throws Exception {
    byte[] in = random(300_000);
    FutureTask<Void> writing = write(host.output(Channel.STDIN), in, false);
    assertThat(standardIn.read()).isEqualTo(in[0] & 0xff);
    program.descendants().forEach(ProcessHandle::destroyForcibly);
    assertThat(program.waitFor(10, TimeUnit.SECONDS)).isTrue();

    assertThat(host.input(Channel.CONTROL).read()).isNegative();
    assertThat(host.input(Channel.STDOUT).read()).isNegative();
    assertThatThrownBy(writing::get).hasCauseInstanceOf(IOException.class);
  }

  @Test
  void theProgramEndsWithInit() throws Exception {
    controlOut.close();
    assertThat(program.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(program.exitValue()).isZero();
  }

  /** Level 1 is not trusted more than other guests. */
  @Test
  void noBytesDoHarm() throws Exception {
    long seed = System.nanoTime();
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    for (int run = 0; run < 200; run++) {
      // Fewer than a pipe takes that nobody reads.
      byte[] bytes = new byte[random.nextInt(2000)];
      random.nextBytes(bytes);
      if (run % 2 == 0) {
        for (int i = 0; i < bytes.length; i++) {
          bytes[i] = (byte) (bytes[i] & 7);
        }
      }
      SerialMultiplexer any =
          SerialMultiplexer.start(new ByteArrayInputStream(bytes), OutputStream.nullOutputStream());
      for (Channel channel : List.of(Channel.CONTROL, Channel.STDOUT, Channel.STDERR)) {
        assertThat(any.input(channel).readAllBytes()).hasSizeLessThanOrEqualTo(bytes.length);
      }
      assertThatThrownBy(() -> any.output(Channel.CONTROL).write(1))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void aFrameForNoChannelEndsIt() throws Exception {
    byte[] frame = {9, 1, 0};
    SerialMultiplexer other =
        SerialMultiplexer.start(new ByteArrayInputStream(frame), OutputStream.nullOutputStream());
    assertThat(other.input(Channel.CONTROL).read()).isNegative();
  }
}
