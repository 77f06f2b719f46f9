package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client: a thread that reads and runs its commands, one that writes. A client that does not
 * read gets no more events than fit into a queue and is then dropped; its own commands wait for it
 * to read. Whatever goes wrong for one client, lack of memory too, ends its session and no other.
 */
final class QmpSession {
  private static final Logger log = LoggerFactory.getLogger(QmpSession.class);

  /** The longest {@code id} in bytes: it is sent back. */
  static final int MAX_ID_BYTES = 64 << 10;

  /** Where the text of an error, which may quote what came, is cut off. */
  static final int MAX_ERROR_LENGTH = 1024;

  private final ClientChannel channel;
  private final CommandTable commands;
  private final Consumer<QmpSession> whenOver;
  private final CapabilityNegotiation negotiation = new CapabilityNegotiation();
  private final OutgoingQueue outgoing = new OutgoingQueue();
  private final Thread reader;
  private final Thread writer;
  private volatile boolean wantsEvents;

  /**
   * Creates the session of a connected client.
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

  /**
   * Starts.
   *
   * @throws IOException if the host has no thread for it; the session is over
   */
  void start() throws IOException {
    try {
      writer.start();
      reader.start();
    } catch (OutOfMemoryError e) {
      drop();
      channel.close();
      whenOver.accept(this);
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Sends the client an event if it has negotiated; never blocks. */
  void offerEvent(byte[] line) {
    if (wantsEvents && !outgoing.offer(line)) {
      log.warn("a QMP client does not read its events and is dropped");
      drop();
    }
  }

  private void read() {
    try {
      outgoing.put(Json.line(CapabilityNegotiation.greeting()));
      MessageReader messages = MessageReader.ofRequests(channel);
      while (answerNext(messages)) {
        // one message after the other, until the client goes
      }
      outgoing.end();
    } catch (IOException e) {
      log.debug("a QMP client is gone: {}", e.toString());
      drop();
    } catch (InterruptedException e) {
      log.debug("a QMP client was dropped while its commands waited for it to read");
    } catch (RuntimeException | Error e) {
      // First of all: what follows may fail as well.
      drop();
      log.error("a QMP client is dropped", e);
    } finally {
      wantsEvents = false;
    }
  }

  private boolean answerNext(MessageReader messages) throws IOException, InterruptedException {
    ObjectNode answer = Json.object();
    try {
      ObjectNode message = messages.next();
      if (message == null) {
        return false;
      }
      answer.set("return", run(message, answer));
    } catch (QmpException e) {
      answer.putObject("error").put("class", e.errorClass()).put("desc", desc(e));
    }
    outgoing.put(Json.line(answer));
    // Only now, so that no event overtakes the answer to the negotiation.
    wantsEvents = negotiation.isComplete();
    return true;
  }

  private JsonNode run(ObjectNode message, ObjectNode answer) throws QmpException {
    JsonNode id = message.get("id");
    if (id != null) {
      if (id.toString().getBytes(StandardCharsets.UTF_8).length > MAX_ID_BYTES) {
        throw QmpException.generic(
            "QMP input member 'id' is longer than " + MAX_ID_BYTES + " bytes");
      }
      answer.set("id", id);
    }
    CommandTable.Request request = CommandTable.Request.of(message);
    return negotiation.handle(request) ? Json.object() : commands.run(request);
  }

  private static String desc(QmpException e) {
    String desc = String.valueOf(e.getMessage());
    return desc.length() <= MAX_ERROR_LENGTH ? desc : desc.substring(0, MAX_ERROR_LENGTH) + "…";
  }

  private void write() {
    try (channel) {
      for (byte[] line = outgoing.take(); line != null; line = outgoing.take()) {
        channel.write(ByteBuffer.wrap(line));
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

  /**
   * Accepts no more commands; those that have arrived are still answered, and queued messages are
   * sent.
   */
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
