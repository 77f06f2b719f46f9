package dev.ballast.tools.cli;

import java.util.UUID;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Takes a UUID in its one form (RFC 9562 §4), where {@link UUID#fromString} takes shorter ones,
 * too.
 */
final class UuidConverter implements ITypeConverter<UUID> {
  private static final Pattern FORM =
      Pattern.compile("\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}");

  @Override
  public UUID convert(String value) {
    if (!FORM.matcher(value).matches()) {
      throw new TypeConversionException(
          "'"
              + value
              + "' is no UUID: write 32 hexadecimal digits as in"
              + " 123e4567-e89b-12d3-a456-426614174000");
    }
    return UUID.fromString(value);
  }
}
