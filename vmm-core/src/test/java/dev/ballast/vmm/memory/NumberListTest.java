package dev.ballast.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NumberListTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {"0|0", "0-3|0-3", "0,2,4|0,2,4", "5-5,0|0,5", "0-3,4-7,2|0-7", "65535|65535"})
  void listsAreUnderstood(String text, String plain) {
    assertThat(NumberList.text(NumberList.parse(text))).isEqualTo(plain);
  }

  @Test
  void nothingIsTheEmptySet() {
    assertThat(NumberList.parse("").isEmpty()).isTrue();
    assertThat(NumberList.text(new BitSet())).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"a", "-", "1-", "-1", "3-1", "1,", ",1", "1--2", "1 ", "0x1", "65536", "0-99999"})
  void whatIsNoneIsNamed(String text) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> NumberList.parse(text))
        .withMessageContaining("is neither a number nor a range");
  }

  @Test
  void everySetComesBack() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 1000; i++) {
      BitSet set = new BitSet();
      for (int bit = random.nextInt(300); bit < 400; bit += 1 + random.nextInt(40)) {
        set.set(bit, bit + 1 + random.nextInt(20));
      }
      assertThat(NumberList.parse(NumberList.text(set))).as("seed %d", seed).isEqualTo(set);
    }
  }
}
