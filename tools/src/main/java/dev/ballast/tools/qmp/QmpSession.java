package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client: a thread that reads and runs its commands, one that writes. A client that does not
 * read gets no more events than fit into a queue and is then dropped; its own commands wait for it
 * to read.
 */
final class QmpSession {
  private static final Logger log = LoggerFactory.getLogger(QmpSession.class);

  /** How many messages wait for a client. */
  static final int QUEUE_MESSAGES = 256;

  private static final byte[] END = {};

  private final ClientChannel channel;
  private final CommandTable commands;
  private final Consumer<QmpSession> whenOver;
  private final CapabilityNegotiation negotiation = new CapabilityNegotiation();
  private final BlockingQueue<byte[]> outgoing = new ArrayBlockingQueue<>(QUEUE_MESSAGES);
  private final Thread reader;
  private final Thread writer;
  private volatile boolean wantsEvents;

  /**
   * Makes the session of a connected client.
   *
   * @param channel the connection; closed by this
   * @param whenOver called once nothing will be written any more
   */
  QmpSession(ClientChannel channel, CommandTable commands, Consumer<QmpSession> whenOver) {
    this.channel = channel;
    this.commands = commands;
    this.whenOver = whenOver;
    this.reader = Thread.ofPlatform().daemon().name("qmp-reader").unstarted(this::read);
    this.writer = Thread.ofPlatform().daemon().name("qmp-writer").unstarted(this::write);
  }

  void start() {
    writer.start();
    reader.start();
  }

  /** Gives the client an event if it has negotiated; never blocks. */
  void offerEvent(byte[] line) {
    if (wantsEvents && !outgoing.offer(line)) {
      log.warn("a QMP client does not read its events and is dropped");
      drop();
    }
  }

  private void read() {
    try {
      outgoing.put(Json.line(CapabilityNegotiation.greeting()));
      MessageReader messages = new MessageReader(channel);
      while (answerNext(messages)) {
        // one message after the other, until the client goes
      }
      outgoing.put(END);
    } catch (IOException e) {
      log.debug("a QMP client is gone: {}", e.toString());
      drop();
    } catch (InterruptedException e) {
      log.debug("a QMP client was dropped while its commands waited for it to read");
    } finally {
      wantsEvents = false;
    }
  }

  private boolean answerNext(MessageReader messages) throws IOException, InterruptedException {
    try {
      byte[] message = messages.next();
      if (message == null) {
        return false;
      }
      outgoing.put(Json.line(answer(message)));
    } catch (MessageReader.TooLongException e) {
      outgoing.put(
          Json.line(
              error(
                  Json.object(),
                  QmpException.generic(
                      "a request is longer than " + MessageReader.MAX_BYTES + " bytes"))));
    }
    // Only now, so that no event overtakes the answer to the negotiation.
    wantsEvents = negotiation.isComplete();
    return true;
  }

  private ObjectNode answer(byte[] bytes) {
    ObjectNode answer = Json.object();
    try {
      JsonNode message = Json.read(bytes);
      JsonNode result = run(message, answer);
      answer.set("return", result);
      return answer;
    } catch (QmpException e) {
      return error(answer, e);
    }
  }

  private JsonNode run(JsonNode message, ObjectNode answer) throws QmpException {
    if (message.has("id")) {
      answer.set("id", message.get("id"));
    }
    CommandTable.Request request = CommandTable.Request.of(message);
    return negotiation.handle(request) ? Json.object() : commands.run(request);
  }

  private static ObjectNode error(ObjectNode answer, QmpException e) {
    answer.putObject("error").put("class", e.errorClass()).put("desc", e.getMessage());
    return answer;
  }

  private void write() {
    try (channel) {
      byte[] line = outgoing.take();
      while (line != END) {
        channel.write(ByteBuffer.wrap(line));
        line = outgoing.take();
      }
    } catch (IOException e) {
      log.debug("a QMP client is gone: {}", e.toString());
    } catch (InterruptedException e) {
      log.debug("a QMP client was dropped");
    } finally {
      reader.interrupt();
      whenOver.accept(this);
    }
  }

  /** Takes no more commands; those that have arrived are still answered, and what waits is sent. */
  void finish() {
    channel.drain();
  }

  /** Waits, after {@link #finish}, until all commands are answered. */
  void joinReader(Duration atMost) throws InterruptedException {
    reader.join(atMost);
  }

  /** Waits until all is sent. */
  void joinWriter(Duration atMost) throws InterruptedException {
    writer.join(atMost);
  }

  /** Ends the session at once; never blocks. */
  void drop() {
    wantsEvents = false;
    // Interrupts a blocked write as well: an interrupt closes the channel of a thread that uses it.
    writer.interrupt();
  }
}
