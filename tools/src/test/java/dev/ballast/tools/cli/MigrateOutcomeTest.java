package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;

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
}
