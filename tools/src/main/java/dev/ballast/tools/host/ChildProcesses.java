package dev.ballast.tools.host;

import java.io.IOException;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;

/** Processes that do not outlive this one, however it ends, short of SIGKILL. For any thread. */
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
