package dev.ballast.tools.cli;

import dev.ballast.vmm.memory.HostPages;
import java.util.Optional;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * The value of {@code --memory}.
 *
 * @param size of guest memory
 * @param hugePages pages out of the host's pool of huge pages; empty for ordinary memory
 */
record MemoryOption(MemorySize size, Optional<HostPages> hugePages) {
  private static final String HUGE_PAGES = "hugepages=";

  /** Lets picocli parse it. */
  static final class Converter implements ITypeConverter<MemoryOption> {
    @Override
    public MemoryOption convert(String value) {
      int comma = value.indexOf(',');
      MemorySize size =
          new MemorySize.Converter().convert(comma < 0 ? value : value.substring(0, comma));
      return new MemoryOption(
          size, comma < 0 ? Optional.empty() : Optional.of(hugePages(value.substring(comma + 1))));
    }

    private static HostPages hugePages(String text) {
      return switch (text) {
        case HUGE_PAGES + "2M" -> HostPages.HUGE_2M;
        case HUGE_PAGES + "1G" -> HostPages.HUGE_1G;
        default ->
            throw new TypeConversionException(
                "'" + text + "' is neither hugepages=2M nor hugepages=1G");
      };
    }
  }
}
