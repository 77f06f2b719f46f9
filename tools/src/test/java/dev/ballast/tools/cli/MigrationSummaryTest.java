package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import org.junit.jupiter.api.Test;

/** What {@code ballast migrate} says at the end. */
class MigrationSummaryTest {
  private static String summary(String more) throws Exception {
    String info =
        """
        {"status":"completed","total-time":1500,"downtime":12,"x-pages-scanned":300,%s
         "ram":{"transferred":4096,"total":1048576,"page-size":4096,"normal":1,"duplicate":2,
                "dirty-sync-count":2,"downtime-bytes":0},
         "x-balloon":{"active":true}}
        """
            .formatted(more);
    return new MigrationSummary(new JsonMapper().readTree(info)).text();
  }

  @Test
  void lostPagesAreCountedIfThereAreAny() throws Exception {
    assertThat(summary("\"x-poisoned-pages\":3,"))
        .contains("lost      3 pages to memory errors of this host");
    assertThat(summary("")).contains("migrated in").doesNotContain("lost");
  }
}
