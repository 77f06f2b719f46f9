package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ballast.vmm.memory.HostPages;
import dev.ballast.vmm.memory.RamConfig;
import dev.ballast.vmm.memory.RamConfig.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.TypeConversionException;

/** What {@code --memory} and {@code --memory-backend} make of guest RAM. */
class MemoryOptionsTest {
  private static final long GIB = 1L << 30;

  private static MemoryOption memory(String value) {
    return new MemoryOption.Converter().convert(value);
  }

  private static MemoryBackendOption backend(String value) {
    return new MemoryBackendOption.Converter().convert(value);
  }

  @Test
  void nothingGivenIsAnonymousMemoryWithTransparentHugePages() {
    assertThat(MemoryBackendOption.NONE.with(memory("2G"))).isEqualTo(RamConfig.anonymous(2 * GIB));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2G               | reserve=on                     | ANONYMOUS | TRANSPARENT_HUGE | true",
        "2G               | type=memfd                     | MEMFD     | TRANSPARENT_HUGE | false",
        "2G               | type=anonymous,huge-pages=on   | ANONYMOUS | TRANSPARENT_HUGE | false",
        "2G               | huge-pages=off,reserve=off     | ANONYMOUS | SMALL            | false",
        "2G,hugepages=2M  | type=memfd                     | MEMFD     | HUGE_2M          | true",
        "2G,hugepages=1G  | reserve=off                    | MEMFD     | HUGE_1G          | false",
        "2G,hugepages=2M  | type=anonymous                 | ANONYMOUS | HUGE_2M          | true",
      })
  void bothOptionsGoTogether(
      String memory, String backend, Kind kind, HostPages pages, boolean reserve) {
    assertThat(backend(backend).with(memory(memory)))
        .isEqualTo(new RamConfig(2 * GIB, kind, pages, reserve));
  }

  @Test
  void whatMakesNoSenseIsNamed() {
    assertThatThrownBy(() -> memory("2G,hugepages=4K"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessage("'hugepages=4K' is neither hugepages=2M nor hugepages=1G");
    assertThatThrownBy(() -> memory("x,hugepages=2M"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("'x'");
    assertThatThrownBy(() -> backend("type=file"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessage("'type' is to be type=anonymous or type=memfd");
    assertThatThrownBy(() -> backend("reserve=on,size=3"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessage("'size' is none of type, reserve, huge-pages");
    assertThatThrownBy(() -> backend("reserve"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessage("'reserve' is to be reserve=on or reserve=off");
    assertThatThrownBy(() -> backend("huge-pages=on").with(memory("2G,hugepages=2M")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("transparent huge pages");
    assertThatThrownBy(() -> memory("1536M,hugepages=1G"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("must be a multiple of 1G");
  }
}
