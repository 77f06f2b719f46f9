package dev.ballast.vmm.thread;

import java.io.IOException;

/** An action that may fail with an {@link IOException}. */
@FunctionalInterface
public interface IoAction {
  /** Carries out the action. */
  void run() throws IOException;
}
