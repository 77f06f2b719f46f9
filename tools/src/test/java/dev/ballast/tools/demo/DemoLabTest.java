package dev.ballast.tools.demo;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.ballast.tools.host.HostKvm;
import dev.ballast.tools.host.KvmProbe;
import dev.ballast.tools.lab.LabUnderTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An unmodified Linux guest gives memory back and moves twice; nothing of it is lost. */
@Tag("lab")
class DemoLabTest {
  private static final DemoPlan PLAN = DemoPlan.QUICK;
  private static final long MIB = 1 << 20;
  private static final long PAGES_PER_MIB = 256;

  @Test
  void aLinuxGuestMovesTwiceWithoutItsBalloon() throws Exception {
    needsLinuxGuests();
    JsonNode report = new Demo(System.out, PLAN, LabUnderTest.cpu()).run();

    long ballooned = PLAN.balloonMib() * PAGES_PER_MIB;
    long pages = PLAN.memoryMib() * PAGES_PER_MIB;
    assertThat(report.at("/guest/cpus").asInt()).isEqualTo(PLAN.cpus());
    assertThat(report.at("/balloon/actual_bytes").asLong()).isEqualTo(PLAN.keptBytes());
    assertThat(report.at("/balloon/bitmap_pages").asLong()).isEqualTo(ballooned);
    assertThat(report.path("migrations")).hasSize(2);
    long counter = 0;
    for (JsonNode hop : report.path("migrations")) {
      assertThat(hop.path("skip_balloon").asBoolean()).as(hop.toString()).isTrue();
      assertThat(hop.path("pages_total").asLong()).isEqualTo(pages);
      assertThat(hop.path("bitmap_pages").asLong()).isEqualTo(ballooned);
      assertThat(hop.path("pages_skipped").asLong()).isEqualTo(ballooned);
      assertThat(hop.path("transferred_bytes").asLong())
          .isBetween(PLAN.dataMib() * MIB, PLAN.keptBytes() * 11 / 10);
      assertThat(hop.path("memory_verified").asBoolean()).as(hop.toString()).isTrue();
      assertThat(hop.path("counter_before").asLong()).isGreaterThan(counter);
      counter = hop.path("counter_after").asLong();
      assertThat(counter).isGreaterThan(hop.path("counter_before").asLong());
    }
    assertThat(report.at("/end/actual_bytes").asLong()).isEqualTo(PLAN.memoryBytes());
    assertThat(report.at("/end/mem_total_kib").asLong())
        .isEqualTo(report.at("/guest/mem_total_kib").asLong());
    assertThat(report.at("/end/data_intact").asBoolean()).isTrue();
  }

  /** The story itself compares memory, the counter and resident memory on every migration. */
  @Test
  @Tag("soak")
  void aLinuxGuestMovesThirtyTimes() throws Exception {
    needsLinuxGuests();
    JsonNode report = new Demo(System.out, DemoPlan.SOAK, LabUnderTest.cpu()).run();
    assertThat(report.path("migrations")).hasSize(DemoPlan.SOAK.hops().size());
    for (JsonNode hop : report.path("migrations")) {
      assertThat(hop.path("memory_verified").asBoolean()).as(hop.toString()).isTrue();
    }
    assertThat(report.at("/end/data_intact").asBoolean()).isTrue();
  }

  private static void needsLinuxGuests() {
    if (KvmProbe.run().kind() != HostKvm.HARDWARE) {
      LabUnderTest.assumeInstalled();
    }
  }
}
