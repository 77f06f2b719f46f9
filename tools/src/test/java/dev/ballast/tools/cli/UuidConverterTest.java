package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/** A UUID on the command line. */
class UuidConverterTest {
  private final UuidConverter converter = new UuidConverter();

  @Test
  void oneFormIsTaken() {
    assertThat(converter.convert("123E4567-e89b-12d3-a456-426614174000"))
        .hasToString("123e4567-e89b-12d3-a456-426614174000");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "1-2-3-4-5",
        "123e4567e89b12d3a456426614174000",
        "{123e4567-e89b-12d3-a456-426614174000}",
        "123e4567-e89b-12d3-a456-42661417400g",
        "123e4567-e89b-12d3-a456-4266141740001"
      })
  void otherFormsAreNot(String value) {
    assertThatThrownBy(() -> converter.convert(value))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageStartingWith("'" + value + "' is no UUID");
  }
}
