package dev.ballast.tools.bench;

import dev.ballast.guest.bare.BareReply;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Keeps a host's free memory in use while the bench runs: another process holds it, and lets go as
 * others take memory. On a host that is itself a virtual machine, the first touch of memory that
 * its hypervisor has to find costs far more than a migration does with it, and memory that was in
 * use a moment ago is cheap; this way it is for every trial. On other hosts this has no effect. One
 * thread.
 */
final class MemoryWarmer implements Closeable {
  /** More than all guests of a scenario take. */
  private static final long LIMIT = 32L << 30;

  private static final Path PROCESSOR = Path.of("/proc/cpuinfo");
  private static final String VIRTUAL = " hypervisor ";

  private @Nullable Workspace workspace;
  private NativeBaseline.@Nullable Running holder;
  private long bytes;

  /** Holds memory from now on if this host is a virtual machine; the first time takes a minute. */
  void keep() throws IOException {
    if (workspace == null && Files.readString(PROCESSOR).contains(VIRTUAL)) {
      Workspace own = Workspace.create(this);
      workspace = own;
      holder = NativeBaseline.unpack(own.directory()).holdMemory(LIMIT);
      awaitAnswer(holder);
    }
  }

  /** What is free is from now on what was in use a moment ago, if any memory is held. */
  void refresh() throws IOException {
    if (holder != null) {
      OutputStream input = holder.process().getOutputStream();
      input.write('\n');
      input.flush();
      awaitAnswer(holder);
    }
  }

  /** Returns how much was held last, in bytes. */
  long bytes() {
    return bytes;
  }

  private void awaitAnswer(NativeBaseline.Running from) throws IOException {
    String line = from.output().readLine();
    if (line == null) {
      throw new IOException("the process that keeps memory warm is gone: is memory short?");
    }
    bytes = BareReply.parse(true, line).number("bytes");
  }

  @Override
  public void close() throws IOException {
    if (holder != null) {
      holder.close();
    }
    if (workspace != null) {
      workspace.close();
    }
  }
}
