package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.channel.MigrationChannel;
import dev.ballast.migration.channel.MigrationUri;
import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Where the user is told to look for a guest whose migration did not complete. */
class MigrateOutcomeTest {
  @Test
  void aGuestThatWasHandedOverIsLookedForAtTheDestination() {
    assertThat(MigrateCommand.whereTheGuestIs("postmigrate"))
        .contains("handed over", "look for it there", "'ballast cont'")
        .doesNotContain("has not moved");
  }

  @Test
  void aGuestThatStayedIsHere() {
    assertThat(MigrateCommand.whereTheGuestIs("running"))
        .isEqualTo("the guest has not moved; the machine here is running");
  }

  @Test
  void aDestinationThatDoesNotListenHasToBeStartedFirst() throws Exception {
    MigrationUri uri = MigrationUri.parse("unix:/nonexistent/m");
    try (MigrationChannel channel = MigrationChannel.open(uri)) {
      assertThatThrownBy(() -> channel.connect(Duration.ofSeconds(5)))
          .isInstanceOf(IOException.class)
          .extracting(e -> Failures.hint(String.valueOf(e.getMessage())).orElse("none"))
          .asString()
          .contains("ballast run --incoming");
    }
    assertThat(Failures.hint(uri + ": the connection broke: Broken pipe")).isEmpty();
  }
}
