package dev.ballast.tools.qmp;

import static dev.ballast.tools.qmp.RawClient.desc;
import static dev.ballast.tools.qmp.RawClient.errorClass;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Requests that are JSON, but not what a command takes. */
@Timeout(30)
class QmpArgumentsTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {'execute':'nope'} | CommandNotFound | The command nope has not been found
          {'execute':'stop','arguments':{'x':1}} | GenericError | Parameter 'x' is unexpected
          {'execute':'stop','arguments':[]} | GenericError | QMP input member 'arguments' must be an object
          {'execute':'stop','extra':1} | GenericError | QMP input member 'extra' is unexpected
          {'execute':7} | GenericError | QMP input member 'execute' must be a string
          {'id':7} | GenericError | QMP input lacks member 'execute'
          [] | GenericError | QMP input must be a JSON object
          12 | GenericError | QMP input must be a JSON object
          {'execute':'balloon'} | GenericError | Parameter 'value' is missing
          {'execute':'balloon','arguments':{'value':'1'}} | GenericError | Invalid parameter type for 'value', expected: integer
          {'execute':'balloon','arguments':{'value':1.5}} | GenericError | Invalid parameter type for 'value', expected: integer
          {'execute':'balloon','arguments':{'value':9223372036854775808}} | GenericError | Invalid parameter type for 'value', expected: integer
          {'execute':'balloon','arguments':{'value':0}} | GenericError | Parameter 'value' expects a size
          {'execute':'balloon','arguments':{'value':-1}} | GenericError | Parameter 'value' expects a size
          {'execute':'migrate','arguments':{'uri':1}} | GenericError | Invalid parameter type for 'uri', expected: string
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':3}} | GenericError | Invalid parameter type for 'capabilities', expected: array
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':[3]}} | GenericError | Invalid parameter type for 'capabilities[0]', expected: object
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':[{'capability':'events'}]}} | GenericError | Parameter 'capabilities[0].state' is missing
          {'execute':'migrate-set-capabilities','arguments':{'capabilities':[{'capability':'zzz','state':true}]}} | GenericError | Parameter 'capabilities[0].capability' does not accept value 'zzz'
          {'execute':'migrate-set-parameters','arguments':{'downtime-limit':2000001}} | GenericError | Parameter 'downtime-limit' expects an integer in the range of 0 to 2000000
          {'execute':'migrate-set-parameters','arguments':{'multifd-compression':'zip'}} | GenericError | Parameter 'multifd-compression' does not accept value 'zip'
          {'execute':'migrate-set-parameters','arguments':{'multifd-zstd-level':21}} | GenericError | Parameter 'multifd-zstd-level' expects an integer in the range of 1 to 20
          {'execute':'migrate-incoming','arguments':{'uri':'unix:x'}} | GenericError | the machine does not wait for a guest
          """,
      quoteCharacter = '~')
  void refusesBeforeAnyEffect(String request, String errorClass, String desc) throws IOException {
    try (RawClient client = served.negotiated()) {
      JsonNode answer = client.ask(request);
      assertThat(errorClass(answer)).isEqualTo(errorClass);
      assertThat(desc(answer)).isEqualTo(desc);
      assertThat(served.machine.calls).isEmpty();
    }
  }
}
