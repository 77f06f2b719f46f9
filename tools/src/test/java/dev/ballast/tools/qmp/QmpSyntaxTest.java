package dev.ballast.tools.qmp;

import static dev.ballast.tools.qmp.RawClient.desc;
import static dev.ballast.tools.qmp.RawClient.errorClass;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Input that is not JSON: one error a fault, in the words of QEMU 7.2, and what follows is
 * answered.
 */
@Timeout(30)
class QmpSyntaxTest {
  private static final String NEXT = "{\"execute\":\"query-name\",\"id\":9}";

  @RegisterExtension private final ServedMachine served = new ServedMachine();

  /** Sends bytes, one a character, and a request; returns the errors before its answer. */
  private List<String> errors(String fault) throws IOException {
    List<String> errors = new ArrayList<>();
    try (RawClient client = served.negotiated()) {
      client.send((fault + NEXT).getBytes(StandardCharsets.ISO_8859_1));
      for (JsonNode answer = client.read();
          answer.path("id").asInt() != 9;
          answer = client.read()) {
        assertThat(errorClass(answer)).isEqualTo("GenericError");
        errors.add(desc(answer));
      }
    }
    assertThat(served.machine.calls).isEmpty();
    return errors;
  }

  private static Arguments fault(String bytes, String... errors) {
    return Arguments.of(bytes, List.of(errors));
  }

  static List<Arguments> faults() {
    return List.of(
        fault("nonsense ", "invalid keyword 'nonsense'"),
        fault("abc def ghi\n", "invalid keyword 'abc'"),
        fault("abc\ndef\n", "invalid keyword 'abc'", "invalid keyword 'def'"),
        fault("tru\n", "invalid keyword 'tru'"),
        fault("TRUE ", "stray 'T'"),
        fault("@@@ @@ \n", "stray '@'"),
        fault("(", "stray '('"),
        fault("% ", "stray '%'"),
        fault("\u00ef\u00bb\u00bf", "stray '\ufffd'"),
        fault("GET / HTTP/1.0\r\nHost: x\r\n\r\n", "stray 'G'", "stray 'H'"),
        fault("}", "expecting value"),
        fault("]", "expecting value"),
        fault(":", "expecting value"),
        fault(", ", "expecting value"),
        fault("{]", "expecting value"),
        fault("[}", "expecting value"),
        fault("{\"a\":[}]", "expecting value"),
        fault("{\"a\"}", "missing : in object pair"),
        fault("{\"a\" 1}", "missing : in object pair"),
        fault("{\"a\":}", "expecting value"),
        fault("{\"a\":1 2}", "expected separator in dict"),
        fault("{\"a\":1,}", "expecting value"),
        fault("[1 2]", "expected separator in list"),
        fault("[1,]", "expecting value"),
        fault("{1:2}", "key is not a string in object"),
        fault("{\"execute\":\"stop\",\"execute\":\"stop\"}", "duplicate key"),
        fault("{\"execute\":'stop','execute':\"stop\"}", "duplicate key"),
        fault("\"x\n", "stray '\"x\n'"),
        fault("{\"execute\":\"stop\n", "stray '\"stop\n'"),
        fault("{\"execute\":\"a\tb\", \"id\":\"}\"}", "stray '\"a\t'"),
        fault("{\"id\":\"\u00c3\"}", "invalid UTF-8 sequence in string"),
        fault("{\"id\":\"\u00ed\u00a0\u0080\"}", "invalid UTF-8 sequence in string"),
        fault("{\"id\":\"\\x\"}", "invalid escape sequence in string"),
        fault("{\"id\":\"\\ud83d\"}", "\\ud83d is not a valid Unicode character"),
        fault("{\"id\":\"\\ud83d\\u0041\"}", "\\ud83d is not a valid Unicode character"),
        fault("{\"id\":\"\\u12g4\"}", "\\u12g4 is not a valid Unicode character"),
        fault("{\"id\":\"\\u12\"}", "\\u12\" is not a valid Unicode character"),
        fault("{\"id\":01}", "stray '01'"),
        fault("{\"id\":1.}", "stray '1.}'"),
        fault("{\"id\":+1}", "stray '+'"),
        fault("{\"id\":-}", "stray '-}'"),
        fault("{\"id\":NaN}", "stray 'N'"),
        fault("{\"id\":nan}", "invalid keyword 'nan'"),
        fault("{\"id\":1e99999999999}", "number '1e99999999999' is out of range"),
        // What follows the fault in its own message is no other fault, and is not run.
        fault("{\"x\":@@@, \"y\":1}", "stray '@'"),
        fault("{\"x\":@, \"y\":{\"execute\":\"stop\"}}", "stray '@'"),
        fault("{\"x\":@, \"y\":\"}{\\\"}{\", \"z\":'}{\"'}", "stray '@'"),
        fault("{\n  \"x\": @,\n  \"y\":\n  {\n    \"execute\": \"stop\"\n  }\n}\n", "stray '@'"),
        fault("{\r\n  \"x\": \"\u0000\",\r\n", "stray '\"\0'"),
        // A message that was cut off ends where another begins a line.
        fault("{\"execute\":@\n", "stray '@'"),
        fault("{\"execute\":[[\"@\n\r\n", "stray '\"@\n'"));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void aFaultIsOneError(String fault, List<String> errors) throws IOException {
    assertThat(errors(fault))
        .isEqualTo(errors.stream().map(error -> "JSON parse error, " + error).toList());
  }

  @ParameterizedTest
  @MethodSource("forcings")
  void aByteThatCanBeNowhereHasWhatIsPendingForgotten(String bytes, List<String> errors)
      throws IOException {
    aFaultIsOneError(bytes, errors);
  }

  static List<Arguments> forcings() {
    return List.of(
        fault("\u00ff", "stray '\ufffd'"),
        fault("\u00fe", "stray '\ufffd'"),
        fault("\u0001", "stray '\u0001'"),
        fault("\f", "stray '\f'"),
        fault("\u00ff\u00ff\n\u00ff", "stray '\ufffd'", "stray '\ufffd'", "stray '\ufffd'"),
        fault("{\"execute\": \u00ff", "stray '\ufffd'"),
        fault("{\"execute\": {{[[\"abc\u00ff", "stray '\"abc\ufffd'"),
        fault("\"abc\u00ff", "stray '\"abc\ufffd'"),
        fault("nul\u00ff", "invalid keyword 'nul'", "stray '\ufffd'"),
        fault("{\"execute\": @ {[\"\u00ff", "stray '@'", "stray '\ufffd'"));
  }

  @ParameterizedTest
  @MethodSource("others")
  void otherValuesAreRefused(String value) throws IOException {
    assertThat(errors(value)).containsExactly("QMP input must be a JSON object");
  }

  static List<String> others() {
    return List.of(
        "12 ", "12", "-1.5e+3\n", "\"x\"", "'x'\n", "true ", "null\n", "[]", "[1, {}]\n");
  }

  @Test
  void whatIsTooDeepIsOneError() throws IOException {
    for (int depth : new int[] {MessageReader.MAX_DEPTH + 1, 1100}) {
      assertThat(errors("[".repeat(depth) + "]".repeat(depth)))
          .containsExactly("JSON nesting depth limit exceeded");
      assertThat(errors("{\"a\":".repeat(depth) + "1" + "}".repeat(depth)))
          .containsExactly("JSON nesting depth limit exceeded");
    }
    int deepest = MessageReader.MAX_DEPTH;
    assertThat(errors("[".repeat(deepest) + "]".repeat(deepest)))
        .containsExactly("QMP input must be a JSON object");
  }

  @Test
  void whatIsTooLongIsOneError() throws IOException {
    String tooLong = "a message is longer than 1048576 bytes";
    assertThat(errors("{\"execute\":\"" + "x".repeat(3 << 20) + "\"}")).containsExactly(tooLong);
    assertThat(errors("x".repeat(3 << 20) + " ")).containsExactly(tooLong);
    assertThat(errors("{\"id\":[" + "1,".repeat(MessageReader.MAX_REQUEST_TOKENS) + "1]}"))
        .containsExactly("JSON token count limit exceeded");
    assertThat(errors("{\"id\":" + "1".repeat(1001) + "}"))
        .containsExactly("JSON parse error, a number is longer than 1000 characters");
  }

  @Test
  void anErrorDoesNotSendBackAllThatCame() throws IOException {
    String name = "x".repeat(500_000);
    for (String fault : List.of("\"" + name + "\n", name + " ", "{\"" + name + "\":1}")) {
      List<String> errors = errors(fault);
      assertThat(errors).hasSize(1);
      assertThat(errors.getFirst()).hasSizeBetween(1000, QmpSession.MAX_ERROR_LENGTH + 1);
    }
  }
}
