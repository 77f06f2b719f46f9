package dev.ballast.ffi.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NumberSetTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"0|0", "0-3|0-3", "0,2,4|0,2,4", "5-5,0|0,5", "0-3,4-7,2|0-7", "65535|65535"})
  void listsAreUnderstood(String text, String plain) {
    assertThat(NumberSet.parse(text)).hasToString(plain);
  }

  @Test
  void nothingIsTheEmptySet() {
    assertThat(NumberSet.parse("")).isEqualTo(NumberSet.NONE).hasToString("");
    assertThat(NumberSet.NONE.end()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"a", "-", "1-", "-1", "3-1", "1,", ",1", "1--2", "1 ", "0x1", "65536", "0-99999"})
  void whatIsNoneIsNamed(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NumberSet.parse(text))
        .withMessageContaining("is neither a number nor a range");
  }

  @Test
  void setsAreJoinedAndCut() {
    NumberSet low = NumberSet.parse("0-5");
    NumberSet high = NumberSet.parse("4-9");
    assertThat(low.plus(high)).hasToString("0-9");
    assertThat(low.minus(high)).hasToString("0-3");
    assertThat(low.and(high)).hasToString("4-5");
    assertThat(low.end()).isEqualTo(6);
  }

  @Test
  void everySetComesBackFromItsTextAndFromBits() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    try (Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < 1000; i++) {
        List<Integer> numbers = new ArrayList<>();
        for (int number = random.nextInt(300); number < 400; number += 1 + random.nextInt(40)) {
          numbers.add(number);
        }
        NumberSet set = new NumberSet(numbers);
        assertThat(NumberSet.parse(set.toString())).as("seed %d", seed).isEqualTo(set);
        assertThat(BitMask.read(BitMask.of(arena, set))).as("seed %d", seed).isEqualTo(set);
      }
    }
  }
}
