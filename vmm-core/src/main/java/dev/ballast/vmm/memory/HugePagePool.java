package dev.ballast.vmm.memory;

import dev.ballast.ffi.linux.NumberSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The kernel's pool of huge pages of one size (Documentation/admin-guide/mm/hugetlbpage.rst), as
 * sysfs shows it.
 */
final class HugePagePool {
  private static final Path POOLS = Path.of("/sys/kernel/mm/hugepages");
  private static final Path NODES = Path.of("/sys/devices/system/node");

  private final HostPages pages;
  private final Path directory;
  private final Path nodes;

  HugePagePool(HostPages pages) {
    this(POOLS, NODES, pages);
  }

  HugePagePool(Path pools, Path nodes, HostPages pages) {
    this.pages = pages;
    this.directory = directoryIn(pools, pages);
    this.nodes = nodes;
  }

  private static Path directoryIn(Path pools, HostPages pages) {
    return pools.resolve("hugepages-" + (pages.size() >> 10) + "kB");
  }

  /**
   * Checks that guest RAM fits. What is free now may be gone later: only a reservation is certain.
   *
   * @param bytes a multiple of the page size
   * @throws IOException if it does not fit, with a message that says how to make the pool larger
   */
  void require(long bytes) throws IOException {
    String size = pageSize();
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
   * Checks that guest RAM fits into the pages of some nodes. Pages that others reserved may be
   * counted: the kernel does not say of which node they are.
   *
   * @param numbers of the nodes
   * @param bytes a multiple of the page size
   * @throws IOException if it does not fit, with a message that says how to make the pool larger
   */
  void requireOn(NumberSet numbers, long bytes) throws IOException {
    long needed = bytes / pages.size();
    long free = 0;
    for (int number : numbers.numbers()) {
      free += read(onNode(number), "free_hugepages");
    }
    if (free < needed) {
      Path first = onNode(numbers.numbers().getFirst());
      throw new IOException(
          "guest memory needs %d huge pages of %s on node %s of the host, which has %d free; as root: echo %d > %s"
              .formatted(
                  needed,
                  pageSize(),
                  numbers,
                  free,
                  read(first, "nr_hugepages") + needed - free,
                  first.resolve("nr_hugepages")));
    }
  }

  private Path onNode(int number) {
    return directoryIn(nodes.resolve("node" + number).resolve("hugepages"), pages);
  }

  private String pageSize() {
    return pages.size() >> 30 > 0 ? "1 GiB" : "2 MiB";
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
    return read(directory, name);
  }

  private static long read(Path directory, String name) throws IOException {
    Path file = directory.resolve(name);
    try {
      return Long.parseLong(Files.readString(file).strip());
    } catch (NumberFormatException e) {
      throw new IOException(file + " holds no number", e);
    }
  }
}
