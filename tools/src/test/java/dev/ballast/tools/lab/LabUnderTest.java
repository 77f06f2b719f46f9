package dev.ballast.tools.lab;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.ballast.tools.host.LabPackages;
import java.util.List;
import java.util.Locale;

/** The lab that tests run in: the build says which CPU it has ({@code -Pintel}). */
public final class LabUnderTest {
  private static final String PROPERTY = "ballast.lab.cpu";

  private LabUnderTest() {}

  /** Returns the lab's CPU. */
  public static LabCpu cpu() {
    return LabCpu.valueOf(System.getProperty(PROPERTY, "amd").toUpperCase(Locale.ROOT));
  }

  /** Skips the test where the lab's packages are not installed. */
  public static void assumeInstalled() {
    List<String> missing = LabPackages.missing(cpu().programs());
    assumeTrue(missing.isEmpty(), () -> "needs " + missing);
  }
}
