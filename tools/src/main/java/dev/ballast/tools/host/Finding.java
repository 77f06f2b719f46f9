package dev.ballast.tools.host;

import java.util.Locale;
import java.util.Optional;

/**
 * The result of one check of this host.
 *
 * @param name of what was checked, in a word or two
 * @param level the result
 * @param summary what was found, in one line
 * @param wayOut what to do about it, in one line; there for everything that is not {@link Level#OK}
 */
public record Finding(String name, Level level, String summary, Optional<String> wayOut) {
  /** The result of a check. */
  public enum Level {
    /** As it should be. */
    OK,
    /** Something is slower, smaller or missing, and Ballast copes. */
    WARN,
    /** Something that Ballast needs is missing. */
    FAIL;

    /** Returns the name in reports: {@code ok}, {@code warn} or {@code fail}. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  static Finding ok(String name, String summary) {
    return new Finding(name, Level.OK, summary, Optional.empty());
  }

  static Finding warn(String name, String summary, String wayOut) {
    return new Finding(name, Level.WARN, summary, Optional.of(wayOut));
  }

  static Finding fail(String name, String summary, String wayOut) {
    return new Finding(name, Level.FAIL, summary, Optional.of(wayOut));
  }
}
