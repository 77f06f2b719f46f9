package dev.ballast.tools.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class StatisticsTest {
  @Test
  void theMedianOfAnOddNumberIsTheMiddleOne() {
    assertThat(Statistics.of(List.of(9.0, 1.0, 4.0))).isEqualTo(new Statistics(4, 1, 9, 3));
  }

  @Test
  void theMedianOfAnEvenNumberLiesBetweenTheTwoInTheMiddle() {
    assertThat(Statistics.of(List.of(8.0, 1.0, 2.0, 3.0))).isEqualTo(new Statistics(2.5, 1, 8, 4));
  }

  @Test
  void oneThatNeverEndedMakesTheLargestInfiniteAndOnlyHalfOfThemTheMedian() {
    double never = Double.POSITIVE_INFINITY;
    assertThat(Statistics.of(List.of(5.0, never, 6.0))).isEqualTo(new Statistics(6, 5, never, 3));
    assertThat(Statistics.of(List.of(5.0, never)).median()).isInfinite();
  }

  @Test
  void nothingAndWhatIsNoNumberHaveNone() {
    assertThatThrownBy(() -> Statistics.of(List.of())).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Statistics.of(List.of(1.0, Double.NaN)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aRatioIsKnownUnlessBothAreZeroOrBothInfinite() {
    Statistics two = Statistics.of(List.of(2.0));
    double never = Double.POSITIVE_INFINITY;
    assertThat(two.ratioTo(8)).hasValue(0.25);
    assertThat(two.ratioTo(never)).hasValue(0);
    assertThat(Statistics.of(List.of(never)).ratioTo(2).getAsDouble()).isInfinite();
    assertThat(Statistics.of(List.of(never)).ratioTo(never)).isEmpty();
    assertThat(Statistics.of(List.of(0.0)).ratioTo(0)).isEmpty();
  }
}
