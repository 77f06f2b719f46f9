package dev.ballast.tools.host;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** Child processes that end with this process, unless it is killed by SIGKILL. Any thread. */
public final class ChildProcesses {
  private static final Set<Process> LIVE = ConcurrentHashMap.newKeySet();

  static {
    Thread end = new Thread(() -> LIVE.forEach(Process::destroyForcibly), "end-children");
    Runtime.getRuntime().addShutdownHook(end);
  }

  private ChildProcesses() {}

  /** Starts a process. */
  public static Process start(ProcessBuilder builder) throws IOException {
    Process process = builder.start();
    LIVE.add(process);
    CompletableFuture<Void> _ = process.onExit().thenAccept(LIVE::remove);
    return process;
  }
}
