package dev.ballast.tools.cli;

import java.lang.reflect.AnnotatedElement;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.TypeConversionException;

/**
 * What picocli takes as the values of options, and says of others: numbers within their {@link
 * Range}, and the constants of enums as lower-case words.
 */
final class OptionValues {
  private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,18}");

  private OptionValues() {}

  /** Has the options and parameters of a command, and what it completes, be as said here. */
  static void apply(CommandSpec command) {
    for (ArgSpec argument : List.copyOf(command.args())) {
      converter(argument)
          .ifPresent(
              converter -> {
                command.remove(argument);
                command.add(with(argument, converter));
              });
    }
  }

  private static ArgSpec with(ArgSpec argument, ITypeConverter<?> converter) {
    // Picocli does not let others name what both builders have in common.
    if (argument instanceof OptionSpec option) {
      OptionSpec.Builder builder = OptionSpec.builder(option).converters(converter);
      return (converter instanceof Words words
              ? builder.completionCandidates(words.all())
              : builder)
          .build();
    }
    PositionalParamSpec.Builder builder =
        PositionalParamSpec.builder((PositionalParamSpec) argument).converters(converter);
    return (converter instanceof Words words ? builder.completionCandidates(words.all()) : builder)
        .build();
  }

  private static Optional<ITypeConverter<?>> converter(ArgSpec argument) {
    Class<?> type = argument.type();
    if (type.isEnum()) {
      return Optional.of(new Words(List.of(type.getEnumConstants())));
    }
    Range range =
        argument.userObject() instanceof AnnotatedElement field
            ? field.getAnnotation(Range.class)
            : null;
    return range == null ? Optional.empty() : Optional.of(new Numbers(range, type, name(argument)));
  }

  private static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }

  private static String word(Object constant) {
    return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Takes the constants of an enum, in either case. */
  private record Words(List<?> constants) implements ITypeConverter<Object> {
    @Override
    public Object convert(String value) {
      for (Object constant : constants) {
        if (word(constant).equalsIgnoreCase(value)) {
          return constant;
        }
      }
      throw new TypeConversionException(
          "'%s' is none of %s".formatted(value, String.join(", ", all())));
    }

    List<String> all() {
      return constants.stream().map(OptionValues::word).toList();
    }
  }

  /** Takes whole numbers within a range. */
  private record Numbers(Range range, Class<?> type, String option)
      implements ITypeConverter<Object> {
    @Override
    public Object convert(String value) {
      long number = NUMBER.matcher(value).matches() ? Long.parseLong(value) : Long.MIN_VALUE;
      if (number < range.min() || number > range.max()) {
        throw new TypeConversionException(
            "'%s' is not a whole number from %d to %d; for instance %s %d"
                .formatted(value, range.min(), range.max(), option, range.example()));
      }
      return wide() ? (Object) number : (Object) Math.toIntExact(number);
    }

    private boolean wide() {
      return type == long.class || type == Long.class;
    }
  }
}
