package dev.ballast.tools.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine.TypeConversionException;

/** Sockets on the command line, as users of QEMU write them. */
class UnixSocketPathTest {
  private static Path qmp(String value) {
    return new QmpOption.PathConverter().convert(value);
  }

  private static ConsoleOption console(String value) {
    return new ConsoleOption.Converter().convert(value);
  }

  private static String uri(String value) {
    return new UnixSocketPath.UriConverter().convert(value);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "unix:/x | /x",
        "unix:/x,server=on,wait=off | /x",
        "unix:/x,server,nowait | /x",
        "unix:/x,wait=off | /x",
        "/x,server=on,wait=off | /x",
        "x | x",
        "./tcp:y | ./tcp:y",
        "unix:a,,b,,,server=on | a,b,",
        "unix:,,server=on | ,server=on",
      })
  void optionsThatHoldAnywayAreTaken(String value, Path path) {
    assertThat(qmp(value)).isEqualTo(path);
    if (value.startsWith("unix:")) {
      assertThat(console(value)).isEqualTo(new ConsoleOption.Unix(path));
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "unix:/x,server=on,wait=on | 'wait=on': the guest does not wait for a client",
        "unix:/x,wait | 'wait': the guest does not wait for a client",
        "unix:/x,server=off | 'server=off': Ballast makes the socket and listens there",
        "unix:/x,reconnect=1 | 'reconnect=1' is no option of a socket",
        "unix:/x,server=yes | 'server=yes' is no option of a socket",
        "unix:/x, | '' is no option of a socket",
        "unix:a,b | 'b' is no option of a socket",
        "unix:a,,b,c | 'c' is no option of a socket",
        "unix:,server=on | ',server=on' has no path",
      })
  void otherOptionsAreRefused(String value, String message) {
    assertThatThrownBy(() -> qmp(value))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining(message);
    assertThatThrownBy(() -> console(value))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining(message);
  }

  @Test
  void whatIsNoUnixSocketIsNoPath() {
    assertThatThrownBy(() -> qmp("tcp:localhost:4444,server=on"))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageContaining("write unix:PATH");
    assertThatThrownBy(() -> qmp("")).hasMessageContaining("has no path");
    assertThatThrownBy(() -> qmp("unix:")).hasMessageContaining("has no path");
  }

  @ParameterizedTest
  @ValueSource(strings = {"unix:/x", "unix:a,b", "tcp:host,server=on:1", "defer"})
  void aMigrationsUriIsTakenAsItIs(String value) {
    assertThat(uri(value)).isEqualTo(value);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "unix:/x,server=on,wait=off | server=on",
        "unix:/x,nowait | nowait",
        "unix:/x,server=off | server=off"
      })
  void aMigrationsUriTakesNoOptions(String value, String option) {
    assertThatThrownBy(() -> uri(value))
        .isInstanceOf(TypeConversionException.class)
        .hasMessageEndingWith("leave out ," + option);
  }

  @ParameterizedTest
  @ValueSource(strings = {"foo", "tcp:1.2.3.4", "tcp:localhost:99999", "unix:", ""})
  void whatIsNoUriOfAMigrationIsWrongUsage(String value) {
    assertThatThrownBy(() -> uri(value)).isInstanceOf(TypeConversionException.class);
  }
}
