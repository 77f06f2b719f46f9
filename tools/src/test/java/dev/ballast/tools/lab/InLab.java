package dev.ballast.tools.lab;

import java.util.Arrays;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.discovery.DiscoverySelectors;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs tests in the lab, where there is no Maven. */
final class InLab {
  private InLab() {}

  /**
   * Runs tests, prints a line for each, and exits with 1 if one fails or there is none.
   *
   * @param classes the names of their classes
   */
  public static void main(String[] classes) {
    Results results = new Results();
    LauncherFactory.create()
        .execute(
            LauncherDiscoveryRequestBuilder.request()
                .selectors(Arrays.stream(classes).map(DiscoverySelectors::selectClass).toList())
                .build(),
            results);
    System.exit(results.failed == 0 && results.passed > 0 ? 0 : 1);
  }

  private static final class Results implements TestExecutionListener {
    private int passed;
    private int failed;

    @Override
    public void executionSkipped(TestIdentifier test, String reason) {
      System.out.println("skipped " + test.getUniqueId() + ": " + reason);
    }

    @Override
    public void executionFinished(TestIdentifier test, TestExecutionResult result) {
      switch (result.getStatus()) {
        case SUCCESSFUL -> {
          if (test.isTest()) {
            passed++;
            System.out.println("passed " + test.getUniqueId());
          }
        }
        case ABORTED -> {
          String reason = result.getThrowable().map(Throwable::getMessage).orElse("");
          System.out.println("skipped " + test.getUniqueId() + ": " + reason);
        }
        case FAILED -> {
          failed++;
          System.out.println("failed " + test.getUniqueId());
          result.getThrowable().ifPresent(e -> e.printStackTrace(System.out));
        }
      }
    }
  }
}
