package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.ballast.vmm.socket.SocketFile;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A client of a machine's QMP socket. Any thread; several may wait for answers at the same time.
 */
public final class QmpClient implements AutoCloseable {
  private static final Duration TIMEOUT = Duration.ofSeconds(30);

  private final SocketChannel channel;
  private final AtomicLong nextId = new AtomicLong();
  private final Map<Long, CompletableFuture<JsonNode>> waiting = new ConcurrentHashMap<>();
  private final BlockingQueue<JsonNode> events = new LinkedBlockingQueue<>();
  private final CompletableFuture<JsonNode> greeting = new CompletableFuture<>();
  private final CompletableFuture<Void> end = new CompletableFuture<>();
  private final ReentrantLock writing = new ReentrantLock();

  private QmpClient(SocketChannel channel) {
    this.channel = channel;
  }

  /**
   * Connects and negotiates.
   *
   * @param path the socket, 1 to {@link SocketFile#MAX_PATH} bytes
   * @throws IOException if nobody answers there in time; the message is complete
   */
  public static QmpClient connect(Path path) throws IOException {
    SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    QmpClient client = new QmpClient(channel);
    try {
      SocketFile.connect(channel, path);
      Thread.ofPlatform().daemon().name("qmp-client").start(client::read);
      await(client.greeting, "the greeting", TIMEOUT);
      client.command("qmp_capabilities");
      return client;
    } catch (IOException | QmpException e) {
      channel.close();
      throw new IOException("cannot talk to a machine at " + path + ": " + e.getMessage(), e);
    }
  }

  /** Runs a command without arguments; as {@link #command(String, ObjectNode)}. */
  public JsonNode command(String name) throws IOException, QmpException {
    return command(name, Json.object());
  }

  /**
   * Runs a command and waits half a minute at most.
   *
   * @param name the command
   * @param arguments its arguments, may be empty
   * @return the value of {@code return}
   * @throws IOException if the connection is gone or there is no answer in time
   * @throws QmpException if the answer is an error
   */
  public JsonNode command(String name, ObjectNode arguments) throws IOException, QmpException {
    long id = nextId.incrementAndGet();
    CompletableFuture<JsonNode> answer = new CompletableFuture<>();
    waiting.put(id, answer);
    try {
      ObjectNode request = Json.object().put("execute", name);
      if (!arguments.isEmpty()) {
        request.set("arguments", arguments);
      }
      write(Json.line(request.put("id", id)));
      // The reader may have ended before it could see this answer's future; or with the answer.
      if (end.isDone()) {
        answer.completeExceptionally(new IOException("the machine closed the connection"));
      }
      JsonNode message = await(answer, name, TIMEOUT);
      if (message.has("error")) {
        JsonNode error = message.get("error");
        throw new QmpException(error.path("class").asText(), error.path("desc").asText());
      }
      return message.get("return");
    } finally {
      waiting.remove(id);
    }
  }

  /** Returns an object to fill with arguments. */
  public static ObjectNode arguments() {
    return Json.object();
  }

  /** Returns the next event that has not been returned yet; empty if none comes in time. */
  public Optional<JsonNode> nextEvent(Duration atMost) throws InterruptedException {
    return Optional.ofNullable(events.poll(atMost.toNanos(), TimeUnit.NANOSECONDS));
  }

  /** Waits until the machine closes the connection; returns whether it did in time. */
  public boolean awaitEnd(Duration atMost) throws IOException {
    try {
      end.get(atMost.toNanos(), TimeUnit.NANOSECONDS);
      return true;
    } catch (TimeoutException e) {
      return false;
    } catch (ExecutionException e) {
      throw new IOException(e.getCause());
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private void write(byte[] line) throws IOException {
    writing.lock();
    try {
      ByteBuffer buffer = ByteBuffer.wrap(line);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
    } finally {
      writing.unlock();
    }
  }

  private void read() {
    IOException reason = new IOException("the machine closed the connection");
    try {
      MessageReader messages = MessageReader.ofAnswers(channel);
      for (JsonNode message = messages.next(); message != null; message = messages.next()) {
        dispatch(message);
      }
    } catch (IOException e) {
      reason = new IOException("the connection broke: " + e.getMessage(), e);
    } catch (QmpException e) {
      reason = new IOException("what came is not QMP: " + e.getMessage(), e);
    }
    end.complete(null);
    greeting.completeExceptionally(reason);
    for (CompletableFuture<JsonNode> answer : waiting.values()) {
      answer.completeExceptionally(reason);
    }
  }

  private void dispatch(JsonNode message) {
    if (message.has("event")) {
      events.add(message);
    } else if (message.has("QMP")) {
      greeting.complete(message);
    } else {
      CompletableFuture<JsonNode> answer = waiting.get(message.path("id").asLong(-1));
      if (answer != null) {
        answer.complete(message);
      }
    }
  }

  private static JsonNode await(CompletableFuture<JsonNode> future, String what, Duration atMost)
      throws IOException {
    try {
      return future.get(atMost.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new IOException("no answer to " + what + " in " + atMost.toSeconds() + " s", e);
    } catch (ExecutionException e) {
      throw new IOException(Objects.requireNonNull(e.getCause()).getMessage(), e);
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private static InterruptedIOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted");
  }

  /** Closes the connection. */
  @Override
  public void close() throws IOException {
    channel.close();
  }
}
