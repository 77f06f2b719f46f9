package dev.ballast.tools.qmp;

import static dev.ballast.tools.qmp.RawClient.desc;
import static org.assertj.core.api.Assertions.assertThat;

import dev.ballast.vmm.machine.RunState;
import java.io.IOException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What clients old and new ask about vCPUs. */
@Timeout(30)
class VcpuCommandsTest {
  @RegisterExtension private final ServedMachine served = new ServedMachine();

  @BeforeEach
  void makeVcpus() {
    served.machine.snapshots = Snapshots.two();
  }

  @Test
  void newClientsDoNotDisturbTheGuest() throws IOException {
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'query-cpus-fast'}"))
          .hasToString(
              """
              {"return":[{"cpu-index":0,"qom-path":"/machine/cpu[0]","thread-id":100,\
              "target":"x86_64"},{"cpu-index":1,"qom-path":"/machine/cpu[1]","thread-id":101,\
              "target":"x86_64"}]}""");
      assertThat(served.machine.calls).isEmpty();
    }
  }

  @Test
  void oldClientsHearWhereTheGuestIs() throws IOException {
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'query-cpus'}"))
          .hasToString(
              """
              {"return":[{"CPU":0,"current":true,"halted":false,"qom_path":"/machine/cpu[0]",\
              "thread_id":100,"arch":"x86","pc":-2130706432},{"CPU":1,"current":false,\
              "halted":true,"qom_path":"/machine/cpu[1]","thread_id":101,"arch":"x86",\
              "pc":1048560}]}""");
    }
  }

  @Test
  void anNmiIsInjectedOrRefused() throws IOException {
    try (RawClient client = served.negotiated()) {
      assertThat(client.ask("{'execute':'inject-nmi'}")).hasToString("{\"return\":{}}");
      assertThat(served.machine.calls).containsExactly("nmi");
      served.machine.state = RunState.POSTMIGRATE;
      assertThat(desc(client.ask("{'execute':'inject-nmi'}"))).isEqualTo("there is no guest here");
    }
  }
}
