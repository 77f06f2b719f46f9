package dev.ballast.tools.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** The limits of an option that takes a whole number; {@link OptionValues} holds it to them. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface Range {
  /** Returns the least that makes sense. */
  long min();

  /** Returns the most that makes sense. */
  long max();

  /** Returns a value for an example. */
  long example();
}
