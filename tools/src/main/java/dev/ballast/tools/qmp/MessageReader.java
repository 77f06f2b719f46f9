package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON objects from a stream. An object ends with its last brace; line ends and other white
 * space have no meaning. After a fault, {@link Resync} finds where to go on. Memory is bounded for
 * any input. One thread.
 */
final class MessageReader {
  /** The longest message in bytes. */
  static final int MAX_BYTES = 1 << 20;

  /** How deep arrays and objects may be in one another. */
  static final int MAX_DEPTH = 64;

  /** More tokens than any request needs: each takes more memory than its bytes. */
  static final int MAX_REQUEST_TOKENS = 1 << 13;

  private static final int BUFFER_BYTES = 16 << 10;

  private final ReadableByteChannel channel;
  private final int maxTokens;
  private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES).flip();
  private final JsonLexer lexer = new JsonLexer();
  private final Resync resync = new Resync();
  private List<JsonToken> tokens = new ArrayList<>();
  private int braces;
  private int brackets;
  private int size;

  private MessageReader(ReadableByteChannel channel, int maxTokens) {
    this.channel = channel;
    this.maxTokens = maxTokens;
  }

  /** Creates a reader of requests. */
  static MessageReader ofRequests(ReadableByteChannel channel) {
    return new MessageReader(channel, MAX_REQUEST_TOKENS);
  }

  /** Creates a reader of answers, which may be long lists. */
  static MessageReader ofAnswers(ReadableByteChannel channel) {
    return new MessageReader(channel, MAX_BYTES);
  }

  /**
   * Returns the next object, or null at the end of the stream.
   *
   * @throws QmpException if what came is none, in the words of QEMU; may be called again
   */
  @Nullable ObjectNode next() throws IOException, QmpException {
    while (true) {
      while (buffer.hasRemaining()) {
        byte next = buffer.get();
        if (resync.isUnderWay()) {
          if (!resync.accept(next)) {
            putBack();
          }
        } else if (accept(next)) {
          return parse();
        }
      }
      buffer.clear();
      int count = channel.read(buffer);
      buffer.flip();
      if (count < 0) {
        return null;
      }
    }
  }

  private void putBack() {
    buffer.position(buffer.position() - 1);
  }

  /** Takes a byte; returns whether the message is whole. */
  private boolean accept(byte next) throws QmpException {
    JsonToken token;
    try {
      token = lexer.accept(next);
    } catch (JsonLexer.StrayByteException e) {
      boolean forced = Resync.isForced(next);
      if (!forced) {
        // It may be the brace or the end of the line with which the fault ends.
        putBack();
      }
      throw giveUp(
          forced ? 0 : depth(),
          JsonParser.error("stray '" + JsonStrings.lossy(String.valueOf(e.getMessage())) + "'"));
    }
    if (!lexer.hasConsumed()) {
      putBack();
    } else if (lexer.isInToken() || token != null) {
      size++;
    }
    boolean whole = token != null && add(token);
    if (size > MAX_BYTES) {
      throw giveUp(
          depth(), QmpException.generic("a message is longer than " + MAX_BYTES + " bytes"));
    }
    return whole;
  }

  /** Adds a token; returns whether the message is whole. */
  private boolean add(JsonToken token) throws QmpException {
    tokens.add(token);
    switch (token.kind()) {
      case OPEN_BRACE -> braces++;
      case CLOSE_BRACE -> braces--;
      case OPEN_BRACKET -> brackets++;
      case CLOSE_BRACKET -> brackets--;
      case COLON, COMMA, STRING, NUMBER, KEYWORD -> {
        // of whatever is open
      }
    }
    if (depth() > MAX_DEPTH) {
      throw giveUp(depth(), QmpException.generic("JSON nesting depth limit exceeded"));
    }
    if (tokens.size() > maxTokens) {
      throw giveUp(depth(), QmpException.generic("JSON token count limit exceeded"));
    }
    return braces < 0 || brackets < 0 || braces + brackets == 0;
  }

  private int depth() {
    return braces + brackets;
  }

  /** Has the rest of the message passed over; returns the error. */
  private QmpException giveUp(int depth, QmpException error) {
    resync.start(depth, depth == 0 ? 0 : lexer.quote());
    lexer.reset();
    forget();
    return error;
  }

  private void forget() {
    tokens = new ArrayList<>();
    braces = 0;
    brackets = 0;
    size = 0;
  }

  private ObjectNode parse() throws QmpException {
    List<JsonToken> message = tokens;
    boolean balanced = message.size() > 1 && braces == 0 && brackets == 0;
    forget();
    if (!balanced) {
      // A word or a sign that is in no object: so is what follows on its line.
      resync.start(0, 0);
    }
    JsonNode value = JsonParser.parse(message);
    if (value instanceof ObjectNode object) {
      return object;
    }
    throw QmpException.generic("QMP input must be a JSON object");
  }
}
