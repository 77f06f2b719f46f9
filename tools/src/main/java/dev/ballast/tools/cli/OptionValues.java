package dev.ballast.tools.cli;

import dev.ballast.migration.source.MigrationParameter;
import dev.ballast.migration.source.MigrationParameters;
import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedElement;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.TypeConversionException;

/**
 * The values that options take, and the errors for others: numbers within their {@link Range} or
 * that of the {@link SetsParameter parameter that they set}, and the constants of enums as
 * lower-case words.
 */
final class OptionValues {
  private static final Pattern NUMBER = Pattern.compile("-?[0-9]{1,18}");

  private OptionValues() {}

  /**
   * Sets the converters, descriptions and completion candidates of a command's options and
   * parameters.
   */
  static void apply(CommandSpec command) {
    for (ArgSpec argument : List.copyOf(command.args())) {
      converter(argument)
          .ifPresent(
              converter -> {
                command.remove(argument);
                command.add(with(argument, converter));
              });
    }
    for (OptionSpec option : List.copyOf(command.options())) {
      SetsParameter sets = annotation(option, SetsParameter.class);
      if (sets != null) {
        command.remove(option);
        command.add(OptionSpec.builder(option).description(described(option, sets)).build());
      }
    }
  }

  private static String[] described(OptionSpec option, SetsParameter sets) {
    String range;
    String defaultValue;
    switch (MigrationParameter.of(sets.value())) {
      case MigrationParameter.Numeric numeric -> {
        Limits limits = Limits.of(numeric, sets);
        range = limits.min() + " to " + limits.max();
        long value = numeric.get(MigrationParameters.DEFAULT) / sets.unit();
        defaultValue = value == 0 ? sets.zero() : Long.toString(value);
      }
      case MigrationParameter.Choice choice -> {
        range = String.join(", ", choice.words());
        defaultValue = choice.get(MigrationParameters.DEFAULT);
      }
    }
    return Arrays.stream(option.description())
        .map(line -> line.replace("{range}", range).replace("{default}", defaultValue))
        .toArray(String[]::new);
  }

  private static <A extends Annotation> @Nullable A annotation(ArgSpec argument, Class<A> type) {
    return argument.userObject() instanceof AnnotatedElement field
        ? field.getAnnotation(type)
        : null;
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
    return limits(argument).map(limits -> new Numbers(limits, type, name(argument)));
  }

  private static Optional<Limits> limits(ArgSpec argument) {
    Range range = annotation(argument, Range.class);
    if (range != null) {
      return Optional.of(new Limits(range.min(), range.max(), range.example()));
    }
    SetsParameter sets = annotation(argument, SetsParameter.class);
    return sets != null
            && argument.type() != MemorySize.class
            && MigrationParameter.of(sets.value()) instanceof MigrationParameter.Numeric numeric
        ? Optional.of(Limits.of(numeric, sets))
        : Optional.empty();
  }

  private static String name(ArgSpec argument) {
    return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
  }

  private static String word(Object constant) {
    return ((Enum<?>) constant).name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** What an option takes, in its own unit, and an example. */
  private record Limits(long min, long max, long example) {
    static Limits of(MigrationParameter.Numeric parameter, SetsParameter sets) {
      return new Limits(
          Math.ceilDiv(parameter.min(), sets.unit()),
          parameter.max() / sets.unit(),
          sets.example());
    }
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
  private record Numbers(Limits limits, Class<?> type, String option)
      implements ITypeConverter<Object> {
    @Override
    public Object convert(String value) {
      long number = NUMBER.matcher(value).matches() ? Long.parseLong(value) : Long.MIN_VALUE;
      if (number < limits.min() || number > limits.max()) {
        throw new TypeConversionException(
            "'%s' is not a whole number from %d to %d; for instance %s %d"
                .formatted(value, limits.min(), limits.max(), option, limits.example()));
      }
      return wide() ? (Object) number : (Object) Math.toIntExact(number);
    }

    private boolean wide() {
      return type == long.class || type == Long.class;
    }
  }
}
