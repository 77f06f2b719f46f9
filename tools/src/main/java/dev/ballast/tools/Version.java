package dev.ballast.tools;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;

/**
 * The version of Ballast, as the build wrote it down.
 *
 * @param text for instance {@code 0.1.0-SNAPSHOT}
 */
public record Version(String text) {
  /** The version of this program. */
  public static final Version CURRENT = read();

  private static Version read() {
    try (InputStream in = Version.class.getResourceAsStream("version.properties")) {
      Properties properties = new Properties();
      properties.load(in);
      return new Version(properties.getProperty("version"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Returns one of the numbers.
   *
   * @param index 0 for major, 1 for minor, 2 for micro
   */
  public int number(int index) {
    return Integer.parseInt(text.split("[.-]", -1)[index]);
  }
}
