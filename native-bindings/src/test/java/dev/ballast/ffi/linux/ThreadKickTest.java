package dev.ballast.ffi.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ThreadKickTest {
  @BeforeAll
  static void installHandler() throws Exception {
    ThreadKick.install();
  }

  @Test
  void aKickNeedsNoPlaceInTheQueueOfPendingSignals() throws Exception {
    String before = sigpending("--noheadings", "--output=SOFT", "--sigpending");
    sigpending("--sigpending=0:");
    try {
      assertThatCode(() -> ThreadKick.kick(ThreadKick.currentThreadId()))
          .doesNotThrowAnyException();
    } finally {
      sigpending("--sigpending=" + before + ":");
    }
  }

  @Test
  void aThreadThatHasEndedIsSaidToBeGone() throws Exception {
    int[] tid = new int[1];
    Thread thread = Thread.ofPlatform().start(() -> tid[0] = ThreadKick.currentThreadId());
    thread.join();
    // Java's thread ends a little before the kernel's.
    await()
        .untilAsserted(
            () ->
                assertThatThrownBy(() -> ThreadKick.kick(tid[0]))
                    .isInstanceOfSatisfying(
                        ErrnoException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ESRCH)));
  }

  /** Asks util-linux for a limit of this process, or changes it. */
  private static String sigpending(String... options) throws IOException, InterruptedException {
    String[] command = new String[options.length + 3];
    command[0] = "prlimit";
    command[1] = "--pid";
    command[2] = Long.toString(ProcessHandle.current().pid());
    System.arraycopy(options, 0, command, 3, options.length);
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }
}
