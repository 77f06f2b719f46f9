package dev.ballast.tools.qmp;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Sends bytes as they are and reads lines: what a client that shares no code with the server does.
 */
final class RawClient implements AutoCloseable {
  private static final ObjectMapper MAPPER = new ObjectMapper();

  final SocketChannel channel;
  private final BufferedReader reader;

  RawClient(Path path) throws IOException {
    channel = SocketChannel.open(StandardProtocolFamily.UNIX);
    channel.connect(UnixDomainSocketAddress.of(path));
    reader =
        new BufferedReader(
            new InputStreamReader(Channels.newInputStream(channel), StandardCharsets.UTF_8));
  }

  /** Connects, reads the greeting and negotiates. */
  static RawClient negotiated(Path path) throws IOException {
    RawClient client = new RawClient(path);
    client.readLine();
    client.send("{\"execute\":\"qmp_capabilities\"}\n");
    client.readLine();
    return client;
  }

  void send(String text) throws IOException {
    send(text.getBytes(StandardCharsets.UTF_8));
  }

  void send(byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
  }

  String readLine() throws IOException {
    String line = reader.readLine();
    if (line == null) {
      throw new IOException("end of stream");
    }
    return line;
  }

  JsonNode read() throws IOException {
    return MAPPER.readTree(readLine());
  }

  /** Sends one line with single quotes for double quotes, and reads the next message. */
  JsonNode ask(String request) throws IOException {
    send(request.replace('\'', '"') + "\n");
    return read();
  }

  /** Returns the class of an answer that is an error; empty if it is none. */
  static String errorClass(JsonNode answer) {
    return answer.path("error").path("class").asText();
  }

  /** Returns the text of an answer that is an error; empty if it is none. */
  static String desc(JsonNode answer) {
    return answer.path("error").path("desc").asText();
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
