package dev.ballast.vmm.thread;

import java.io.IOException;

/** What is to be done, and may fail. */
@FunctionalInterface
public interface IoAction {
  /** Does it. */
  void run() throws IOException;
}
