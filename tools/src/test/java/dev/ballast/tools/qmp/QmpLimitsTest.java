package dev.ballast.tools.qmp;

import static dev.ballast.tools.qmp.RawClient.desc;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.vm.VmEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What one client can take of the process, and that others do not notice. */
@Timeout(60)
class QmpLimitsTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();

  @Test
  void anIdMayBeLongButNotTooLong() throws IOException {
    try (RawClient client = served.negotiated()) {
      // In bytes of UTF-8, with the quotation marks.
      String longest = "\u00e4".repeat((QmpSession.MAX_ID_BYTES - 2) / 2);
      assertThat(client.ask("{'execute':'query-name','id':'" + longest + "'}").path("id").asText())
          .isEqualTo(longest);
      JsonNode refused = client.ask("{'execute':'stop','id':'" + longest + "x'}");
      assertThat(desc(refused)).isEqualTo("QMP input member 'id' is longer than 65536 bytes");
      assertThat(refused.has("id")).isFalse();
      assertThat(served.machine.calls).isEmpty();
    }
  }

  @Test
  void requestsOfAClientThatDoesNotReadAreNotTaken() throws IOException {
    byte[] request =
        ("{\"execute\":\"query-name\",\"id\":\"" + "x".repeat(QmpSession.MAX_ID_BYTES - 2) + "\"}")
            .getBytes(java.nio.charset.StandardCharsets.US_ASCII);
    try (RawClient greedy = served.negotiated();
        RawClient other = served.negotiated()) {
      greedy.channel.configureBlocking(false);
      AtomicLong taken = new AtomicLong();
      ByteBuffer rest = ByteBuffer.wrap(request);
      await()
          .until(
              () -> {
                int written = greedy.channel.write(rest);
                taken.addAndGet(written);
                if (!rest.hasRemaining()) {
                  rest.rewind();
                }
                // The server reads no more, for longer than it would take to read all there is.
                return written == 0 && threadWaits("qmp-reader", OutgoingQueue.class);
              });
      // The queue, what the socket holds both ways, and one request in the making.
      assertThat(taken.get()).isLessThan(OutgoingQueue.MAX_BYTES + (2 << 20));
      assertThat(other.ask("{'execute':'query-name'}").has("return")).isTrue();
    }
  }

  private static boolean threadWaits(String name, Class<?> in) {
    return Thread.getAllStackTraces().entrySet().stream()
        .filter(thread -> thread.getKey().getName().equals(name))
        .filter(thread -> thread.getKey().getState() == Thread.State.WAITING)
        .flatMap(thread -> java.util.Arrays.stream(thread.getValue()))
        .anyMatch(frame -> frame.getClassName().equals(in.getName()));
  }

  @ParameterizedTest
  @ValueSource(strings = {FakeMachine.NO_MEMORY, FakeMachine.NO_STACK})
  void anErrorEndsItsSessionAndNoOther(String uri) throws IOException {
    try (RawClient broken = served.negotiated();
        RawClient other = served.negotiated()) {
      broken.send("{'execute':'migrate','arguments':{'uri':'" + uri + "'}}");
      assertThatThrownBy(broken::readLine).hasMessage("end of stream");
      assertThat(other.ask("{'execute':'query-name'}").has("return")).isTrue();
      try (RawClient next = served.negotiated()) {
        assertThat(next.ask("{'execute':'query-name'}").has("return")).isTrue();
      }
    }
  }

  @Test
  void anEventThatCannotBeToldEndsSessionsAndNotTheMachine() throws IOException {
    try (RawClient client = served.negotiated()) {
      client.ask("{'execute':'query-name'}");
      served.machine.outOfMemory = true;
      served.machine.emit(new VmEvent.MigrationPass(1));
      served.machine.outOfMemory = false;
      assertThatThrownBy(client::readLine).hasMessage("end of stream");
    }
    try (RawClient next = served.negotiated()) {
      next.ask("{'execute':'query-name'}");
      served.machine.emit(new VmEvent.Resumed());
      assertThat(next.read().path("event").asText()).isEqualTo("RESUME");
    }
  }
}
