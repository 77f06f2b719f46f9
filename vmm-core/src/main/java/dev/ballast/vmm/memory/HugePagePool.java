package dev.ballast.vmm.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The kernel's pool of huge pages of one size (Documentation/admin-guide/mm/hugetlbpage.rst), as
 * sysfs shows it.
 */
final class HugePagePool {
  private static final Path POOLS = Path.of("/sys/kernel/mm/hugepages");

  private final HostPages pages;
  private final Path directory;

  HugePagePool(HostPages pages) {
    this(POOLS, pages);
  }

  HugePagePool(Path pools, HostPages pages) {
    this.pages = pages;
    this.directory = pools.resolve("hugepages-" + (pages.size() >> 10) + "kB");
  }

  /**
   * Checks that guest RAM fits. What is free now may be gone later: only a reservation is certain.
   *
   * @param bytes a multiple of the page size
   * @throws IOException if it does not fit, with a message that says how to make the pool larger
   */
  void require(long bytes) throws IOException {
    String size = pages.size() >> 30 > 0 ? "1 GiB" : "2 MiB";
    if (!Files.isDirectory(directory)) {
      throw new IOException("this host has no huge pages of " + size);
    }
    long needed = bytes / pages.size();
    long free = available();
    if (free < needed) {
      throw new IOException(
          "guest memory needs %d huge pages of %s, this host has %d free; as root: echo %d > %s"
              .formatted(
                  needed,
                  size,
                  free,
                  read("nr_hugepages") + needed - free,
                  directory.resolve("nr_hugepages")));
    }
  }

  /**
   * Returns how many pages are neither in use nor reserved, including those that the kernel may
   * still allocate (overcommit).
   */
  long available() throws IOException {
    return read("free_hugepages")
        - read("resv_hugepages")
        + Math.max(0, read("nr_overcommit_hugepages") - read("surplus_hugepages"));
  }

  private long read(String name) throws IOException {
    Path file = directory.resolve(name);
    try {
      return Long.parseLong(Files.readString(file).strip());
    } catch (NumberFormatException e) {
      throw new IOException(file + " holds no number", e);
    }
  }
}
