package dev.ballast.tools.cli;

import dev.ballast.vmm.memory.HostPages;
import dev.ballast.vmm.memory.RamConfig;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The value of {@code --memory-backend}; what is not given depends on {@code --memory}.
 *
 * @param kind of host memory
 * @param reserve whether the host accounts for all guest RAM at the start
 * @param hugePages whether the host is asked for transparent huge pages
 */
record MemoryBackendOption(
    Optional<RamConfig.Kind> kind, Optional<Boolean> reserve, Optional<Boolean> hugePages) {
  /** Nothing given. */
  static final MemoryBackendOption NONE =
      new MemoryBackendOption(Optional.empty(), Optional.empty(), Optional.empty());

  private static final String TYPE = "type";
  private static final String RESERVE = "reserve";
  private static final String HUGE_PAGES = "huge-pages";

  /**
   * Puts the options about memory together. Huge pages out of the pool are reserved in a memory
   * file unless something else is wanted: the guest cannot run out of them, and what the balloon
   * gives back is free for others.
   *
   * @param memory the value of {@code --memory}
   * @throws IllegalArgumentException if they do not go together; the message is for the user
   */
  RamConfig with(MemoryOption memory) {
    boolean pooled = memory.hugePages().isPresent();
    if (pooled && hugePages.isPresent()) {
      throw new IllegalArgumentException(
          "--memory-backend huge-pages is about transparent huge pages and does not go with"
              + " --memory hugepages");
    }
    return new RamConfig(
        memory.size().bytes(),
        kind.orElse(pooled ? RamConfig.Kind.MEMFD : RamConfig.Kind.ANONYMOUS),
        memory.hugePages().orElseGet(this::smallOrTransparent),
        reserve.orElse(pooled));
  }

  private HostPages smallOrTransparent() {
    return hugePages.orElse(true) ? HostPages.TRANSPARENT_HUGE : HostPages.SMALL;
  }

  /** Lets picocli parse it. */
  static final class Converter implements ITypeConverter<MemoryBackendOption> {
    @Override
    public MemoryBackendOption convert(String value) {
      MemoryBackendOption option = NONE;
      for (String part : value.split(",", -1)) {
        int equals = part.indexOf('=');
        String key = equals < 0 ? part : part.substring(0, equals);
        option = with(option, key, equals < 0 ? "" : part.substring(equals + 1));
      }
      return option;
    }

    private static MemoryBackendOption with(MemoryBackendOption option, String key, String value) {
      return switch (key) {
        case TYPE ->
            new MemoryBackendOption(Optional.of(kind(value)), option.reserve, option.hugePages);
        case RESERVE ->
            new MemoryBackendOption(
                option.kind, Optional.of(OnOffOptions.isOn(key, value)), option.hugePages);
        case HUGE_PAGES ->
            new MemoryBackendOption(
                option.kind, option.reserve, Optional.of(OnOffOptions.isOn(key, value)));
        default ->
            throw new TypeConversionException(
                "'%s' is none of %s, %s, %s".formatted(key, TYPE, RESERVE, HUGE_PAGES));
      };
    }

    private static RamConfig.Kind kind(String value) {
      return switch (value) {
        case "anonymous" -> RamConfig.Kind.ANONYMOUS;
        case "memfd" -> RamConfig.Kind.MEMFD;
        default ->
            throw new TypeConversionException("'type' is to be type=anonymous or type=memfd");
      };
    }
  }
}
