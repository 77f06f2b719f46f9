package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Bytes as objects, however they are written and wherever they are torn apart. */
@Timeout(60)
class MessageReaderTest {
  private static final int ROUNDS = 3000;
  private static final String REQUEST =
      "{\"execute\":\"qom-set\",\"arguments\":{\"path\":\"a'b\\\"c}\\\\\",\"value\":[1,-2.5,"
          + "true,false,null,{}]},\"id\":\"\u00e4\ud83d\ude00\\u00e4\\ud83d\\ude00\\n\"}";
  private static final ObjectMapper MAPPER = new ObjectMapper();

  /** Gives bytes out in pieces. */
  private static ReadableByteChannel channel(byte[] bytes, IntSupplier lengths) {
    ByteBuffer source = ByteBuffer.wrap(bytes);
    return new ReadableByteChannel() {
      @Override
      public int read(ByteBuffer target) {
        if (!source.hasRemaining()) {
          return -1;
        }
        int length =
            Math.clamp(lengths.getAsInt(), 1, Math.min(source.remaining(), target.remaining()));
        target.put(source.slice().limit(length));
        source.position(source.position() + length);
        return length;
      }

      @Override
      public boolean isOpen() {
        return true;
      }

      @Override
      public void close() {
        // nothing is open
      }
    };
  }

  /** Reads all; faults become their messages. */
  private static List<Object> readAll(byte[] bytes, IntSupplier lengths) throws IOException {
    MessageReader reader = MessageReader.ofRequests(channel(bytes, lengths));
    List<Object> result = new ArrayList<>();
    while (true) {
      try {
        ObjectNode message = reader.next();
        if (message == null) {
          return result;
        }
        result.add(message.toString());
      } catch (QmpException e) {
        result.add(e);
      }
    }
  }

  private static List<Object> readAll(String text) throws IOException {
    return readAll(text.getBytes(StandardCharsets.UTF_8), () -> Integer.MAX_VALUE);
  }

  @Test
  void everySplitIsTheSame() throws IOException {
    byte[] two = (REQUEST + REQUEST + " \r\n").getBytes(StandardCharsets.UTF_8);
    List<Object> whole = readAll(two, () -> Integer.MAX_VALUE);
    String expected = MAPPER.readTree(REQUEST).toString();
    assertThat(whole).containsExactly(expected, expected);
    assertThat(readAll(two, () -> 1)).isEqualTo(whole);
    for (int split = 1; split < two.length; split++) {
      int first = split;
      int[] reads = {0};
      assertThat(readAll(two, () -> reads[0]++ == 0 ? first : Integer.MAX_VALUE)).isEqualTo(whole);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      textBlock =
          """
          0                              | 0
          -0                             | 0
          12                             | 12
          9223372036854775807            | 9223372036854775807
          -9223372036854775808           | -9223372036854775808
          18446744073709551615           | 18446744073709551615
          123456789012345678901234567890 | 123456789012345678901234567890
          1.50                           | 1.50
          0.1                            | 0.1
          1e400                          | 1E+400
          -1E400                         | -1E+400
          1e-400                         | 1E-400
          'it\\'s "q"'                   | "it's \\"q\\""
          "it\\'s 'q'"                   | "it's 'q'"
          "\\/\\b\\f\\u0041"             | "/\\b\\fA"
          """)
  void aValueComesBackAsItWas(String value, String written) throws IOException {
    assertThat(readAll("{'id':" + value + "}")).containsExactly("{\"id\":" + written + "}");
  }

  @Test
  void zeroMayBeWrittenAsInQemu() throws IOException {
    byte[] request = "{'id':'a\u00c0\u0080b\\u0000'}".getBytes(StandardCharsets.ISO_8859_1);
    assertThat(readAll(request, () -> 1)).containsExactly("{\"id\":\"a\\u0000b\\u0000\"}");
  }

  @Test
  void anyValueInAnyFormIsRead() throws IOException {
    Random random = random("anyValueInAnyFormIsRead");
    for (int i = 0; i < ROUNDS; i++) {
      ObjectNode value = MAPPER.createObjectNode();
      value.set("id", RandomJson.value(random, 4));
      byte[] bytes = RandomJson.write(value, random).getBytes(StandardCharsets.UTF_8);
      assertThat(readAll(bytes, () -> random.nextInt(1, 20)))
          .as(() -> new String(bytes, StandardCharsets.UTF_8))
          .containsExactly(value.toString());
    }
  }

  @Test
  void anythingIsRefusedOrReadAndTheNextRequestIsRead() throws IOException {
    Random random = random("anythingIsRefusedOrReadAndTheNextRequestIsRead");
    byte[] next = ("\u0001" + REQUEST).getBytes(StandardCharsets.UTF_8);
    JsonNode expected = MAPPER.readTree(REQUEST);
    for (int i = 0; i < ROUNDS; i++) {
      byte[] garbage = garbage(random);
      byte[] all = new byte[garbage.length + next.length];
      System.arraycopy(garbage, 0, all, 0, garbage.length);
      System.arraycopy(next, 0, all, garbage.length, next.length);
      List<Object> read = readAll(all, () -> random.nextInt(1, 200));
      assertThat(read.getLast())
          .as(() -> new String(garbage, StandardCharsets.ISO_8859_1))
          .isEqualTo(expected.toString());
      for (Object other : read) {
        if (other instanceof QmpException refused) {
          assertThat(refused).message().matches("(?s)(JSON|QMP input|a message is) .*");
          assertThat(refused).message().doesNotContain("com.", "Source", "Exception");
        } else {
          assertThat(MAPPER.readTree((String) other).isObject()).isTrue();
        }
      }
    }
  }

  /** Bytes that are nearly JSON: a value with some changed, or signs of JSON only. */
  private static byte[] garbage(Random random) {
    if (random.nextBoolean()) {
      String signs = "{}[]:,\"'\\ \n\rtrue0-1.e+@u\u00ff\u0001";
      byte[] bytes = new byte[random.nextInt(60)];
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] = (byte) signs.charAt(random.nextInt(signs.length()));
      }
      return bytes;
    }
    byte[] bytes =
        RandomJson.write(RandomJson.value(random, 5), random).getBytes(StandardCharsets.UTF_8);
    for (int flips = random.nextInt(4); flips > 0 && bytes.length > 0; flips--) {
      bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
    }
    return bytes;
  }

  private static Random random(String test) {
    long seed = System.nanoTime();
    System.out.println("MessageReaderTest." + test + " seed " + seed);
    return new Random(seed);
  }

  @Test
  void whatIsCutOffAtTheEndIsNothing() throws IOException {
    for (int length = 0; length < REQUEST.length(); length++) {
      for (Object read : readAll(REQUEST.substring(0, length))) {
        fail("%s is %s", REQUEST.substring(0, length), read);
      }
    }
  }
}
