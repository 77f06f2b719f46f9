package dev.ballast.tools.cli;

import dev.ballast.vmm.machine.BoardConfig;
import dev.ballast.vmm.memory.GuestMemory;
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
      String text = comma < 0 ? value : value.substring(0, comma);
      MemorySize size = new MemorySize.Converter().convert(text);
      String rest = comma < 0 ? "" : value.substring(comma);
      Optional<HostPages> pages =
          comma < 0 ? Optional.empty() : Optional.of(hugePages(value.substring(comma + 1)));
      check(text, size, rest, pages.map(HostPages::size).orElse(0L));
      return new MemoryOption(size, pages);
    }

    private static void check(String text, MemorySize size, String rest, long pageSize) {
      if (size.bytes() < BoardConfig.MIN_MEMORY) {
        throw new TypeConversionException(
            "'%s' is %s; must be at least 64M, for instance --memory 512M"
                .formatted(text, Units.bytes(size.bytes())));
      }
      long unit = Math.max(GuestMemory.SIZE_ALIGNMENT, pageSize);
      if (size.bytes() % unit != 0) {
        throw new TypeConversionException(
            "'%s' is %s; must be a multiple of %s, for instance --memory %s%s"
                .formatted(
                    text,
                    Units.bytes(size.bytes()),
                    new MemorySize(unit).text(),
                    new MemorySize((size.bytes() / unit + 1) * unit).text(),
                    rest));
      }
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
