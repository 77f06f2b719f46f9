package dev.ballast.tools.cli;

import dev.ballast.migration.source.MigrationParameter;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The migration parameter that an option sets: {@link OptionValues} takes from {@link
 * MigrationParameter} what stands for <code>{range}</code> and <code>{default}</code> in the
 * option's description, and holds an option that takes a whole number to the range.
 */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface SetsParameter {
  /** Returns the name in QMP of the parameter. */
  String value();

  /** Returns how many of the parameter's units are one of the option's. */
  long unit() default 1;

  /** Returns how the help calls a default of 0. */
  String zero() default "0";

  /** Returns a whole number for an example. */
  long example() default 0;
}
