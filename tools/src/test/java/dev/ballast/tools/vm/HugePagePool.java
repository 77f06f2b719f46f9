package dev.ballast.tools.vm;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The host's pool of huge pages of 2 MiB, made larger for a while. */
final class HugePagePool implements AutoCloseable {
  static final long PAGE_SIZE = 2 << 20;

  private static final Path POOL = Path.of("/sys/kernel/mm/hugepages/hugepages-2048kB");
  private static final Path SIZE = POOL.resolve("nr_hugepages");

  private final long before;

  private HugePagePool(long before) {
    this.before = before;
  }

  /** Adds pages; the test is skipped where that cannot be. */
  static HugePagePool grow(long pages) throws IOException {
    assumeTrue(Files.isWritable(SIZE), "needs to write " + SIZE + ", as root");
    HugePagePool pool = new HugePagePool(read("nr_hugepages"));
    Files.writeString(SIZE, Long.toString(pool.before + pages));
    long there = read("nr_hugepages");
    if (there < pool.before + pages) {
      pool.close();
    }
    assumeTrue(there >= pool.before + pages, "the host has no memory for " + pages + " huge pages");
    return pool;
  }

  /** Returns how many pages of the pool are free and not promised to anybody. */
  static long available() throws IOException {
    return read("free_hugepages") - read("resv_hugepages");
  }

  private static long read(String name) throws IOException {
    return Long.parseLong(Files.readString(POOL.resolve(name)).strip());
  }

  @Override
  public void close() throws IOException {
    Files.writeString(SIZE, Long.toString(before));
  }
}
