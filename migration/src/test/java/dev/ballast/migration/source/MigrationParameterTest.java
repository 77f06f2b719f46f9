package dev.ballast.migration.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.migration.source.MigrationParameter.Choice;
import dev.ballast.migration.source.MigrationParameter.Numeric;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The table of what users set: every line of it does what it says, and nothing else. */
class MigrationParameterTest {
  private static Map<String, Object> values(MigrationParameters parameters) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (MigrationParameter parameter : MigrationParameter.ALL) {
      Object value =
          switch (parameter) {
            case Numeric numeric -> numeric.get(parameters);
            case Choice choice -> choice.get(parameters);
          };
      assertThat(values.put(parameter.qmpName(), value)).as("named twice").isNull();
    }
    return values;
  }

  private static void assertOnlyChanged(
      MigrationParameter parameter, Object value, MigrationParameters changed) {
    Map<String, Object> expected = values(MigrationParameters.DEFAULT);
    expected.put(parameter.qmpName(), value);
    assertThat(values(changed)).isEqualTo(expected);
  }

  @Test
  void aNumberIsTakenWithinItsRangeAndChangesNothingElse() {
    for (MigrationParameter parameter : MigrationParameter.ALL) {
      if (parameter instanceof Numeric numeric) {
        assertThat(numeric.get(MigrationParameters.DEFAULT))
            .isBetween(numeric.min(), numeric.max());
        for (long value : new long[] {numeric.min(), numeric.min() + 5, numeric.max()}) {
          assertOnlyChanged(numeric, value, numeric.with(MigrationParameters.DEFAULT, value));
        }
      }
    }
  }

  @Test
  void aNumberOutOfRangeIsRefusedByName() {
    for (MigrationParameter parameter : MigrationParameter.ALL) {
      if (parameter instanceof Numeric numeric) {
        // As many bits as an int has make no difference.
        for (long value : new long[] {numeric.min() - 1, numeric.max() + 1, (1L << 32) + 1}) {
          if (value < numeric.min() || value > numeric.max()) {
            assertThatThrownBy(() -> numeric.with(MigrationParameters.DEFAULT, value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                    "%s %d: must be %d to %d",
                    numeric.qmpName(), value, numeric.min(), numeric.max());
          }
        }
      }
    }
  }

  @Test
  void everyWordOfAChoiceIsTakenAndChangesNothingElse() {
    for (MigrationParameter parameter : MigrationParameter.ALL) {
      if (parameter instanceof Choice choice) {
        assertThat(choice.words()).contains(choice.get(MigrationParameters.DEFAULT));
        for (String word : choice.words()) {
          assertOnlyChanged(choice, word, choice.with(MigrationParameters.DEFAULT, word));
        }
      }
    }
  }

  /** However the parameters came about. */
  @Test
  void parametersOutOfRangeCannotBeMade() {
    MigrationParameters defaults = MigrationParameters.DEFAULT;
    assertThatThrownBy(() -> defaults.withSilenceTimeout(Duration.ofNanos(1)))
        .hasMessage("x-silence-timeout 0: must be 1 to 86400000");
    assertThatThrownBy(() -> defaults.withAutoConverge(new AutoConverge(true, 20, 10, 100)))
        .hasMessage("max-cpu-throttle 100: must be 1 to 99");
    assertThatThrownBy(() -> defaults.withMultifdChannels(65))
        .hasMessage("multifd-channels 65: must be 1 to 64");
    assertThatThrownBy(() -> defaults.withMaxPasses(0)).hasMessage("0 passes: must be at least 1");
    assertThatCode(() -> defaults.withMaxPasses(1)).doesNotThrowAnyException();
  }

  @Test
  void aParameterIsFoundByItsName() {
    for (MigrationParameter parameter : MigrationParameter.ALL) {
      assertThat(MigrationParameter.of(parameter.qmpName())).isSameAs(parameter);
    }
    assertThatThrownBy(() -> MigrationParameter.of("speed"))
        .hasMessage("no parameter is called speed");
  }

  @Test
  void connectionsForPagesAreMadeOnlyIfWanted() {
    assertThat(MigrationParameters.DEFAULT.withMultifdChannels(8).streams()).isZero();
    assertThat(MigrationParameters.DEFAULT.withMultifdChannels(8).withMultifd(true).streams())
        .isEqualTo(8);
  }
}
