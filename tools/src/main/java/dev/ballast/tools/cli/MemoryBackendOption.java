package dev.ballast.tools.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.ITypeConverter;

/**
 * The value of {@code --memory-backend}.
 *
 * @param reserve whether the host accounts for all guest RAM at the start
 * @param hugePages whether the host may use transparent huge pages
 */
record MemoryBackendOption(boolean reserve, boolean hugePages) {
  private static final String RESERVE = "reserve";
  private static final String HUGE_PAGES = "huge-pages";

  /** Lets picocli parse it. */
  static final class Converter implements ITypeConverter<MemoryBackendOption> {
    @Override
    public MemoryBackendOption convert(String value) {
      Map<String, Boolean> defaults = new LinkedHashMap<>();
      defaults.put(RESERVE, false);
      defaults.put(HUGE_PAGES, true);
      Map<String, Boolean> switches = Switches.parse(value, defaults);
      return new MemoryBackendOption(
          Boolean.TRUE.equals(switches.get(RESERVE)),
          Boolean.TRUE.equals(switches.get(HUGE_PAGES)));
    }
  }
}
