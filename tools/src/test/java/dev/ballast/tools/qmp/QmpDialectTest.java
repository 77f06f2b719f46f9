package dev.ballast.tools.qmp;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The same requests, in every form in which clients send them, have the same answers. */
@Timeout(30)
class QmpDialectTest {
  private static final List<String> REQUESTS =
      List.of(
          "{\"execute\":\"query-status\",\"id\":1}",
          "{\"execute\":\"query-name\",\"id\":{\"a\":[1,{\"b\":\"}\"}]}}",
          "{\"execute\":\"balloon\",\"arguments\":{\"value\":500000000},\"id\":\"it's\"}",
          "{\"execute\":\"nope\",\"id\":\"\\\"{\\\\.\"}",
          "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"x y\",\"property\":\"z\"},\"id\":-1}",
          "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
              + "[{\"capability\":\"x-verify\",\"state\":true}]},\"id\":null}",
          "{\"execute\":\"stop\",\"arguments\":{\"x\":{}},\"id\":1e400}");

  private static final ObjectMapper MAPPER = new ObjectMapper();

  @RegisterExtension private final ServedMachine served = new ServedMachine();

  private List<String> answers(byte[] requests, int pieceLength) throws IOException {
    List<String> answers = new ArrayList<>();
    try (RawClient client = served.negotiated()) {
      for (int at = 0; at < requests.length; at += pieceLength) {
        client.send(
            java.util.Arrays.copyOfRange(
                requests, at, Math.min(requests.length, at + pieceLength)));
      }
      for (int i = 0; i < REQUESTS.size(); i++) {
        answers.add(client.readLine());
      }
    }
    return answers;
  }

  private List<String> answers(UnaryOperator<String> form, String separator) throws IOException {
    String requests = String.join(separator, REQUESTS.stream().map(form).toList()) + separator;
    return answers(requests.getBytes(StandardCharsets.UTF_8), Integer.MAX_VALUE);
  }

  private static String indented(String request) {
    try {
      return MAPPER.readTree(request).toPrettyString().replace("\r", "");
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static String singleQuoted(String request) {
    return request
        .replace("'", "\\'")
        .replace("\\\"", "\u0001")
        .replace("\"", "'")
        .replace("\u0001", "\"");
  }

  @Test
  void theFormOfARequestDoesNotMatter() throws IOException {
    List<String> expected = answers(request -> request, "\n");
    assertThat(expected).hasSameSizeAs(REQUESTS).doesNotHaveDuplicates();
    assertThat(expected.getLast()).contains("\"id\":1E+400");
    assertThat(answers(request -> request, "\r\n")).isEqualTo(expected);
    assertThat(answers(request -> request, "")).isEqualTo(expected);
    assertThat(answers(request -> request, "  ")).isEqualTo(expected);
    assertThat(answers(QmpDialectTest::indentedButForTheLast, "\n")).isEqualTo(expected);
    assertThat(answers(request -> indentedButForTheLast(request).replace("\n", "\r\n"), "\r\n"))
        .isEqualTo(expected);
    assertThat(answers(QmpDialectTest::singleQuoted, "\n")).isEqualTo(expected);
    assertThat(answers(request -> request.replaceFirst("\"execute\"", "'execute'"), "\n"))
        .isEqualTo(expected);
    byte[] lines = String.join("\n", REQUESTS).getBytes(StandardCharsets.UTF_8);
    assertThat(answers(lines, 1)).isEqualTo(expected);
    assertThat(answers(lines, 7)).isEqualTo(expected);
  }

  /** The library that indents would make the last one's number infinite. */
  private static String indentedButForTheLast(String request) {
    return request.contains("1e400") ? request.replace(",", ",\n    ") : indented(request);
  }

  @Test
  void anAnswerIsOneLineForAnyClient() throws IOException {
    for (String answer : answers(request -> request, "\n")) {
      JsonNode parsed = MAPPER.readTree(answer);
      assertThat(parsed.has("return") ^ parsed.has("error")).isTrue();
    }
  }
}
